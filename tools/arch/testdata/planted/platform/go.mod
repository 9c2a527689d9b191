module example.com/x/platform

go 1.26.0
