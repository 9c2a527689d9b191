package electiontest

import (
	_ "example.com/x/platform/election"
	_ "github.com/stretchr/testify/require"
	_ "testing"
)
