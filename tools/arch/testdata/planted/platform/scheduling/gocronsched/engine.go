package gocronsched

import (
	_ "github.com/go-co-op/gocron/v2"
)
