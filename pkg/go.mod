module example.com/baton/pkg

go 1.26.0
