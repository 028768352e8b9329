package run

import (
	"slices"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/schemas"
)

func configuration(t testing.TB, edits ...string) []byte {
	t.Helper()
	text, err := schemas.Example("configuration")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := attest.Canonicalize([]byte(strings.NewReplacer(edits...).Replace(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestParseConfiguration(t *testing.T) {
	c, err := ParseConfiguration(configuration(t))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Exclusions, []string{"timeout"}) || c.Denominator != CountedWrong || c.Relation != "independent" || len(c.Unknown) != 0 {
		t.Errorf("ParseConfiguration(example) = %+v", c)
	}
	c, err = ParseConfiguration(configuration(t, `"network": "none"`, `"network": "unknown"`, `"0.11.0"`, `"unknown"`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"engine.version", "network"}; !slices.Equal(c.Unknown, want) {
		t.Errorf("Unknown = %q, want %q", c.Unknown, want)
	}
	c, err = ParseConfiguration(configuration(t, `"network": "none"`, `"network": ["none", {"hosts": ["unknown"]}]`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"network.1.hosts.0"}; !slices.Equal(c.Unknown, want) {
		t.Errorf("Unknown = %q, want %q", c.Unknown, want)
	}
}

func TestParseConfigurationRefuses(t *testing.T) {
	for name, doc := range map[string][]byte{
		"not canonical":    append(configuration(t), '\n'),
		"an open question": configuration(t, `"network": "none"`, `"network": "?"`),
		"no JSON":          []byte("{"),
		"another document": []byte("{}"),
	} {
		if c, err := ParseConfiguration(doc); err == nil {
			t.Errorf("ParseConfiguration(%s) = %+v, want an error", name, c)
		}
	}
}

func FuzzParseConfiguration(f *testing.F) {
	f.Add(configuration(f))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if c, err := ParseConfiguration(doc); err == nil && c.Denominator != CountedWrong && c.Denominator != LeftOut {
			t.Errorf("ParseConfiguration(%q) has denominator %q", doc, c.Denominator)
		}
	})
}
