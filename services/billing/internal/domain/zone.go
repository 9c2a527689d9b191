package domain

import (
	"sync"
	"time"

	// Invoices depend on zone rules, so a machine without a zone database must not change or refuse them.
	_ "time/tzdata"
)

// Zone is an IANA time zone. The zero value is no zone. Zones compare with ==.
type Zone struct{ loc *time.Location }

// zones keeps loaded zones: time.LoadLocation parses its file again for every call, and a batch of subscriptions
// asks for the same few zones hundreds of times. Only names that exist are kept, so it is bounded.
var zones sync.Map // string → *time.Location

// ParseZone reads an IANA name such as "Europe/Berlin". It refuses "" and "Local", which [time.LoadLocation] accepts:
// the first is most often a missing value, the second a different zone on every machine.
func ParseZone(name string) (Zone, error) {
	if loc, ok := zones.Load(name); ok {
		return Zone{loc.(*time.Location)}, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return Zone{}, invalid("zone", name, "must be the IANA name of a time zone, as in Europe/Berlin")
	}
	kept, _ := zones.LoadOrStore(name, loc) // one pointer per name, so that zones compare with ==
	return Zone{kept.(*time.Location)}, nil
}

// String is the IANA name, or "" for the zero value.
func (z Zone) String() string {
	if z.loc == nil {
		return ""
	}
	return z.loc.String()
}

// DateAt is the calendar date in the zone at an instant. It is defined for every instant, on days with a clock
// change too.
func (z Zone) DateAt(at time.Time) Date { return dateOf(at.In(z.loc)) }
