package run

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/schemas"
)

func TestSeal(t *testing.T) {
	doc := example(t)
	random := bytes.NewReader(bytes.Repeat([]byte{3}, 64))
	sealed, opens, err := Seal(doc, []string{"sampling", "promptTemplate"}, random)
	if err != nil {
		t.Fatal(err)
	}
	config, err := ParseConfiguration(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sampling", "promptTemplate"} {
		if err := config.CheckOpened(name, opens[name]); err != nil {
			t.Errorf("CheckOpened(%s) = %v", name, err)
		}
	}
	if bytes.Contains(sealed, opens["promptTemplate"].Bytes) {
		t.Error("the sealed document shows what it seals")
	}
	other := opens["sampling"]
	other.Bytes = []byte(`{"temperature":1}`)
	for _, tt := range []struct {
		name  string
		value attest.OpenedValue
		want  string
	}{
		{"sampling", other, "opened as something else"},
		{"sampling", opens["promptTemplate"], "opened as something else"},
		{"dtype", opens["sampling"], "is not private"},
	} {
		if err := config.CheckOpened(tt.name, tt.value); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("CheckOpened(%s, %s) = %v, want %q", tt.name, tt.value.Bytes, err, tt.want)
		}
	}
	if _, _, err := Seal(doc, []string{"nothing"}, random); err == nil {
		t.Error("Seal of a member that is not there succeeds")
	}
}

// A member that nobody knows cannot be hidden behind a commitment, however it is
// spelled.
func TestSealedUnknown(t *testing.T) {
	for _, text := range []string{`"unknown"`, ` "unknown"`, `"\u0075nknown"`, `"?"`, `{"a":1,"a":2}`} {
		value := attest.OpenedValue{Salt: attest.Hash{7}, Bytes: []byte(text)}
		c := &Configuration{Private: map[string]attest.Hash{"sampling": attest.CommitField(value.Salt, "sampling", value.Bytes)}}
		if err := c.CheckOpened("sampling", value); err == nil {
			t.Errorf("CheckOpened of %s succeeds", text)
		}
	}
}

func example(t *testing.T) []byte {
	t.Helper()
	data, err := schemas.Example("configuration")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(data) {
		t.Fatal("the example is not JSON")
	}
	doc, err := attest.Canonicalize(data)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
