module example.com/x/services/billing

go 1.26.0
