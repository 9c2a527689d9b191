package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"example.com/baton/pkg/secret"
)

const text = "correct horse"

func TestNoFormShowsTheText(t *testing.T) {
	t.Parallel()
	s := secret.String(text)

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "nested", struct{ S secret.String }{s})
	js, err := json.Marshal(map[string]secret.String{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{log.String(), string(js), s.String(), fmt.Sprint(s), fmt.Sprint([]secret.String{s})}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, struct{ S secret.String }{s}))
	}
	for _, out := range shown {
		if strings.Contains(out, text) || strings.Contains(out, fmt.Sprintf("%x", text)) {
			t.Errorf("secret shown: %s", out)
		}
		if !strings.Contains(out, "[redacted]") {
			t.Errorf("want [redacted] in %s", out)
		}
	}
}

func TestEmptySecretStaysEmpty(t *testing.T) {
	t.Parallel()
	if got := secret.String("").String(); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestReadAndReveal(t *testing.T) {
	t.Parallel()
	var v struct{ S secret.String }
	if err := json.Unmarshal([]byte(`{"S":"correct horse"}`), &v); err != nil {
		t.Fatal(err)
	}
	if got := v.S.Reveal(); got != text {
		t.Errorf("got %q", got)
	}
}

func ExampleString() {
	password := secret.String("hunter2")
	fmt.Println("password:", password)
	// Output: password: [redacted]
}
