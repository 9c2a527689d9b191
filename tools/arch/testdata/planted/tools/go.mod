module example.com/x/tools

go 1.26.0
