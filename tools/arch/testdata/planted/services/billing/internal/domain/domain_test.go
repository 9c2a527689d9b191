package domain

import (
	_ "github.com/stretchr/testify/require"
	_ "os"
)
