module example.com/x/tools/template/service

go 1.26.0
