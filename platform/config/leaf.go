package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// errRule is the rule a value breaks; its text completes a Problem.
type errRule string

func (e errRule) Error() string { return string(e) }

const (
	errUnit    errRule = `needs a unit, as in "30s"`
	errNoValue errRule = "has no value; give one or remove the key"
)

// convert makes a value of type t out of what a YAML file or an earlier conversion holds. It does
// not guess: text is not taken for a number, nor a number for text, because YAML has by then lost
// how it was written (007, 1.10, 2026-11-22).
func convert(raw any, t reflect.Type) (reflect.Value, error) {
	switch v := raw.(type) {
	case nil:
		return reflect.Value{}, errNoValue
	case map[string]any, map[any]any:
		return reflect.Value{}, errRule("must be " + describe(t) + ", not a mapping")
	case []any:
		return convertList(v, t)
	case time.Time: // an unquoted timestamp
		raw = v.Format(time.RFC3339Nano)
	}
	if isList(t) {
		return reflect.Value{}, errRule("must be a list, as in [a, b]")
	}
	if text, ok := raw.(string); ok && (isText(t) || t == duration) {
		return parse(text, t)
	}
	if t == duration {
		return reflect.Value{}, errUnit
	}
	return convertScalar(raw, t)
}

func convertScalar(raw any, t reflect.Type) (reflect.Value, error) {
	out := reflect.New(t).Elem()
	switch v := reflect.ValueOf(raw); {
	case isText(t):
		return out, errRule("must be text; put it in quotes")
	case t.Kind() == reflect.Bool && v.Kind() == reflect.Bool:
		out.SetBool(v.Bool())
	case out.CanInt() || out.CanUint():
		if !v.CanInt() && !v.CanUint() && !isWhole(v) {
			return out, mustBe(t)
		}
		return parse(fmt.Sprint(raw), t)
	case out.CanFloat() && (v.CanInt() || v.CanUint() || v.CanFloat()):
		return parse(fmt.Sprint(raw), t)
	default:
		return out, mustBe(t)
	}
	return out, nil
}

// isWhole finds integers beyond 64 bits, which YAML reads as floats. They go on to the parser, whose
// complaint is about their size.
func isWhole(v reflect.Value) bool {
	return v.CanFloat() && math.Trunc(v.Float()) == v.Float() && math.Abs(v.Float()) >= math.MaxInt64
}

func convertList(raw []any, t reflect.Type) (reflect.Value, error) {
	if !isList(t) {
		return reflect.Value{}, errRule("must be " + describe(t) + ", not a list")
	}
	out := reflect.MakeSlice(t, 0, len(raw))
	for i, item := range raw {
		v, err := convert(item, t.Elem())
		if err != nil {
			return out, errRule(fmt.Sprintf("item %d %s", i+1, err))
		}
		out = reflect.Append(out, v)
	}
	return out, nil
}

// parse makes a value of type t out of text, as the environment and flags give it. The items of a
// list are separated by commas.
func parse(text string, t reflect.Type) (reflect.Value, error) {
	out := reflect.New(t).Elem()
	if u, ok := out.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return out, errRule("must be " + describe(t) + ": " + err.Error())
		}
		return out, nil
	}
	if isList(t) {
		return parseList(text, t)
	}
	if text == "" && t.Kind() != reflect.String {
		return out, errNoValue
	}
	return parseScalar(text, out)
}

func parseScalar(text string, out reflect.Value) (reflect.Value, error) {
	t := out.Type()
	switch {
	case t == duration:
		d, err := parseDuration(text)
		out.SetInt(int64(d))
		return out, err
	case t.Kind() == reflect.String:
		out.SetString(text)
	case t.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return out, mustBe(t)
		}
		out.SetBool(text == "true")
	case out.CanInt():
		n, err := strconv.ParseInt(text, 10, t.Bits())
		out.SetInt(n)
		return out, numeric(err, t)
	case out.CanUint():
		n, err := strconv.ParseUint(text, 10, t.Bits())
		out.SetUint(n)
		return out, numeric(err, t)
	case out.CanFloat():
		n, err := strconv.ParseFloat(text, t.Bits())
		if err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
			return out, mustBe(t)
		}
		out.SetFloat(n)
		return out, numeric(err, t)
	}
	return out, nil
}

func parseDuration(text string) (time.Duration, error) {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return 0, errUnit
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, mustBe(duration)
	}
	return d, nil
}

func parseList(text string, t reflect.Type) (reflect.Value, error) {
	out := reflect.MakeSlice(t, 0, 0)
	if strings.TrimSpace(text) == "" {
		return out, nil
	}
	for i, item := range strings.Split(text, ",") {
		v, err := parse(strings.TrimSpace(item), t.Elem())
		if err != nil {
			return out, errRule(fmt.Sprintf("item %d %s", i+1, err))
		}
		out = reflect.Append(out, v)
	}
	return out, nil
}

func numeric(err error, t reflect.Type) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errRule(fmt.Sprintf("is out of range for a number of %d bits", t.Bits()))
	}
	return mustBe(t)
}

func isText(t reflect.Type) bool {
	return t.Kind() == reflect.String || reflect.PointerTo(t).Implements(textUnmarshaler)
}

func mustBe(t reflect.Type) error { return errRule("must be " + describe(t)) }

// describe names a type in the words of a reader of the configuration.
func describe(t reflect.Type) string {
	switch {
	case t == duration:
		return `a duration, as in "30s"`
	case t == reflect.TypeFor[time.Time]():
		return `a time, as in "2026-11-22T04:00:00Z"`
	case isList(t):
		return "a list"
	case isText(t):
		return "text"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		return "a number"
	case reflect.Zero(t).CanUint():
		return "a whole number, not negative"
	}
	return "a whole number"
}

// encode is the inverse of convert: the plain form of a value, in which layers are merged. Only
// plain values survive there, because merging copies maps deeply and would lose unexported fields.
func encode(v reflect.Value) (any, bool) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, false
		}
		v = v.Elem()
	}
	switch t := v.Type(); {
	case t == duration:
		return formatDuration(time.Duration(v.Int())), true
	case t.Kind() == reflect.String: // before MarshalText, which a secret uses to hide itself
		return v.String(), true
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		if v.Kind() == reflect.Struct && v.IsZero() {
			return nil, false
		}
		return encodeText(v), true
	case isList(t):
		items := make([]any, v.Len())
		for i := range items {
			items[i], _ = encode(v.Index(i))
		}
		return items, !v.IsNil()
	case t.Kind() == reflect.Bool:
		return v.Bool(), true
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		return v.Uint(), true
	}
	return v.Float(), true
}

// formatDuration is d.String() without the zeros at its end: 5m, not 5m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func encodeText(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v.Interface())
}
