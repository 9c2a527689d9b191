module example.com/x/services/orders

go 1.26.0
