// Command billing issues invoices and finds the ones nobody paid.
package main

import (
	"example.com/baton/platform/platformfx"
	"example.com/baton/services/billing/internal/wiring"
)

func main() { platformfx.Main("billing", wiring.Module) }
