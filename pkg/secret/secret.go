// Package secret holds text that must not be shown.
//
// It guards against the accident, not the attacker: a secret that is logged, printed, marshalled or
// put into an error comes out as [redacted]. It does not protect memory, and a caller that converts
// the value with string(s) has asked for the text.
package secret

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// String is secret text. Every way of formatting it yields "[redacted]", or nothing when it is
// empty, so that a missing secret is still told from a set one. The one exception is the key of a
// map written as JSON, where encoding/json takes the string itself.
type String string

var (
	_ fmt.Stringer             = String("")
	_ fmt.GoStringer           = String("")
	_ slog.LogValuer           = String("")
	_ encoding.TextMarshaler   = String("")
	_ encoding.TextUnmarshaler = (*String)(nil)
	_ json.Marshaler           = String("")
)

// Reveal returns the text itself.
func (s String) Reveal() string { return string(s) }

// String returns the redacted form.
func (s String) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString returns the redacted form, quoted.
func (s String) GoString() string { return fmt.Sprintf("%q", s.String()) }

// Format covers the verbs that do not ask for a Stringer, such as %d and %x of the bytes.
func (s String) Format(f fmt.State, verb rune) {
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		fmt.Fprintf(f, "%q", s.String())
		return
	}
	fmt.Fprint(f, s.String())
}

// LogValue returns the redacted form.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the redacted form: a secret that went through JSON or YAML is gone.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns the redacted form.
func (s String) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalText takes the text as it is.
func (s *String) UnmarshalText(text []byte) error {
	*s = String(text)
	return nil
}
