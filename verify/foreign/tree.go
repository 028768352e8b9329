package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// A tree is a document without its spelling: map[string]any, []any, string,
// json.Number, bool or nil.

func parseJSON(data []byte) (any, error) {
	if err := attest.CheckForeignJSON(data); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	err := d.Decode(&tree)
	return tree, err
}

// isInteger reports whether a number is written without a fraction and an exponent.
func isInteger(n json.Number) bool { return !strings.ContainsAny(string(n), ".eE") }

// checker takes trees apart. It keeps the first thing that is wrong, after which it
// returns nothing but zero values.
type checker struct{ err error }

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// object is an object of which known are the members that have a meaning. It refuses
// a member that differs from one of them in case alone: readers that fold case take it
// for that one.
func (c *checker) object(path string, v any, known ...string) map[string]any {
	o, ok := v.(map[string]any)
	if !ok {
		c.fail("%s is no object", orDocument(path))
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		for _, k := range known {
			if name != k && strings.EqualFold(name, k) {
				c.fail("%s is not spelled %q", under(path, clip(name)), k)
			}
		}
	}
	return o
}

// only refuses members of an object that the format does not have.
func (c *checker) only(path string, o map[string]any, known ...string) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(known, name) {
			c.fail("%s: unknown field", under(path, clip(name)))
		}
	}
}

// text is a member that must be a text, and not an empty one.
func (c *checker) text(path string, o map[string]any, name string) string {
	v, ok := o[name]
	if !ok {
		c.fail("missing required field: %s", under(path, name))
		return ""
	}
	s, ok := v.(string)
	if !ok || s == "" {
		c.fail("%s must be a text that is not empty", under(path, name))
	}
	return s
}

// optional is text where the member may be left out.
func (c *checker) optional(path string, o map[string]any, name string) string {
	if _, ok := o[name]; !ok {
		return ""
	}
	return c.text(path, o, name)
}

// moment checks a time as RFC 3339 has it. Year 0000 to 9999, and no leap seconds.
func (c *checker) moment(path, text string) {
	if text == "" {
		return // said already
	}
	if err := parseTime(text); err != nil {
		c.fail("%s must be an RFC 3339 date-time: %v", path, err)
	}
}

func parseTime(text string) error {
	// time.Parse takes a comma before the fraction and hours of one digit.
	if len(text) < len("2006-01-02T15:04:05Z") || strings.Contains(text, ",") {
		return fmt.Errorf("got %q", clip(text))
	}
	if _, err := time.Parse(time.RFC3339, strings.ToUpper(text)); err != nil {
		return fmt.Errorf("got %q", clip(text))
	}
	return nil
}

func (c *checker) oneOf(path, text string, allowed ...string) {
	if !slices.Contains(allowed, text) {
		c.fail("%s must be one of %s, got %q", path, strings.Join(allowed, ", "), clip(text))
	}
}

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func orDocument(path string) string {
	if path == "" {
		return "the document"
	}
	return path
}

// clip keeps foreign text in an error short.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

var errNoHex = errors.New("want hexadecimal digits in lower case")

// hexDigits checks a digest of a known length in bytes; 0 takes any.
func hexDigits(s string, size int) error {
	if s == "" || len(s)%2 != 0 || strings.Trim(s, "0123456789abcdef") != "" {
		return errNoHex
	}
	if size > 0 && len(s) != 2*size {
		return fmt.Errorf("has %d digits, want %d", len(s), 2*size)
	}
	return nil
}
