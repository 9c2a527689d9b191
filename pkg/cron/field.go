package cron

import (
	"fmt"
	"strconv"
	"strings"
)

type field struct {
	name     string
	min, max int
	names    []string // names[0] stands for min
}

var fields = [6]field{
	{name: "second", min: 0, max: 59},
	{name: "minute", min: 0, max: 59},
	{name: "hour", min: 0, max: 23},
	{name: "day of month", min: 1, max: 31},
	{name: "month", min: 1, max: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "day of week", min: 0, max: 7, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

func (f field) parse(text string) (uint64, error) {
	var bits uint64
	for _, item := range strings.Split(text, ",") {
		b, err := f.item(item)
		if err != nil {
			return 0, fmt.Errorf("%s %q: %w", f.name, text, err)
		}
		bits |= b
	}
	return bits, nil
}

// item reads "*", "5", "1-5" or one of these with "/step".
func (f field) item(text string) (uint64, error) {
	body, stepText, stepped := strings.Cut(text, "/")
	step := 1
	if stepped {
		n, err := strconv.Atoi(stepText)
		if err != nil || n < 1 || n > f.max || !digits(stepText) {
			return 0, fmt.Errorf("step %q: must be a number from 1 to %d", stepText, f.max)
		}
		step = n
	}
	low, high, err := f.span(body, stepped)
	if err != nil {
		return 0, err
	}
	var bits uint64
	for n := low; n <= high; n += step {
		bits |= 1 << n
	}
	return bits, nil
}

func (f field) span(body string, stepped bool) (low, high int, err error) {
	if body == "*" || body == "?" && (f.name == "day of month" || f.name == "day of week") {
		return f.min, f.max, nil
	}
	first, last, ranged := strings.Cut(body, "-")
	if low, err = f.value(first); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		if high, err = f.value(last); err != nil {
			return 0, 0, err
		}
	case stepped:
		high = f.max
	default:
		high = low
	}
	if high < low {
		return 0, 0, fmt.Errorf("range %q runs backwards", body)
	}
	return low, high, nil
}

func (f field) value(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.min + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || !digits(text) || n < f.min || n > f.max {
		return 0, fmt.Errorf("%q: must be a number from %d to %d%s", text, f.min, f.max, f.hint())
	}
	return n, nil
}

func (f field) hint() string {
	if len(f.names) == 0 {
		return ""
	}
	return ", or a name such as " + f.names[0]
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
