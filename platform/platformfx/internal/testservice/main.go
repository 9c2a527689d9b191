// Command testservice is the smallest service there is, and the one the tests of platformfx run as a
// process. What it does when it is started comes from its own section.
package main

import (
	"context"
	"errors"

	"go.uber.org/fx"

	"example.com/baton/pkg/secret"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/lifecyclefx"
	"example.com/baton/platform/platformfx"
)

type settings struct {
	Password secret.String `koanf:"password" doc:"a secret"`
	Die      bool          `koanf:"die" doc:"let a loop fail"`
	Hang     bool          `koanf:"hang" doc:"let a loop ignore the end of its context"`
}

func main() {
	platformfx.Main("billing",
		configfx.Section("test", settings{}),
		fx.Invoke(func(loops *lifecyclefx.Loops, s settings) {
			lifecyclefx.Go(loops, "worker", func(ctx context.Context) error {
				if s.Die {
					return errors.New("out of paper")
				}
				<-ctx.Done()
				if s.Hang {
					select {}
				}
				return nil
			})
		}),
	)
}
