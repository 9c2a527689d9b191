module example.com/x/pkg

go 1.26.0
