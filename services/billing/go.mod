module example.com/baton/services/billing

go 1.26.0

require (
	example.com/baton/pkg v0.0.0
	example.com/baton/platform v0.0.0
)

replace (
	example.com/baton/pkg => ../../pkg
	example.com/baton/platform => ../../platform
)
