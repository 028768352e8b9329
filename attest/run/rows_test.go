package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
)

func TestParseRowsRefuses(t *testing.T) {
	const good = `{"grade":"1","item":0,"sample":0}` + "\n"
	for _, bad := range []string{
		`{"grade":"1","item":0,"sample":0}`,                          // no newline
		`{"grade":"1","item":0,"sample":0,"x":1}` + "\n",             // unknown member
		`{"item":0,"grade":"1","sample":0}` + "\n",                   // another order
		`{"grade":"1","grade":"0","item":0,"sample":0}` + "\n",       // duplicate name
		`{"grade":"1.0","item":0,"sample":0}` + "\n",                 // not the decimal's spelling
		`{"grade":"excluded:Bad Reason","item":0,"sample":0}` + "\n", // reason
		`{"grade":"1","item":0,"sample":0} ` + "\n",                  // trailing space
		`{"grade":"1","sample":0}` + "\n",                            // no item
		`{"grade":1,"item":0,"sample":0}` + "\n",                     // a number
		`{"grade":"1","item":0,"response":"00","sample":0}` + "\n",   // short hash
		"\n", // no row
		`{"grade":"","item":0,"sample":0}` + "\n",                                            // no grade
		`{"grade":"1","item":00,"sample":0}` + "\n",                                          // leading zero
		`{"grade":"1","item":-0,"sample":0}` + "\n",                                          // a sign
		`{"grade":"1","item":,"sample":0}` + "\n",                                            // no number
		`{"grade":"1","item":18446744073709551616,"sample":0}` + "\n",                        // too large
		`{"grade":"1","item":0,"sample":4294967296}` + "\n",                                  // too large
		`{"grade":"1","item":0,"sample":0,"trace":"` + strings.Repeat("0", 64) + `"}` + "\n", // zeros spelled out
		`{"grade":"1","item":0,"sample":0,"trace":"` + strings.Repeat("A", 64) + `"}` + "\n", // upper case
		`{"grade":"1","item":0,"sample":0}` + "\r\n",                                         // carriage return
		`{"grade":"1","item":0,"sample":0}` + strings.Repeat(" ", 1<<20) + "\n",              // without end
	} {
		for _, data := range []string{bad, good + bad} {
			if rows, err := ParseRows([]byte(data)); err == nil {
				t.Errorf("ParseRows(%q) = %v, want an error", data, rows)
			}
		}
	}
}

func TestReadRows(t *testing.T) {
	rows := someRows(1000)
	text := FormatRows(rows)
	got, err := ReadRows(iotest.HalfReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Error(diff)
	}
	broken := errors.New("broken")
	if rows, err := ReadRows(io.MultiReader(bytes.NewReader(text), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("ReadRows of a reader that breaks = %d rows, %v", len(rows), err)
	}
}

// Errors name the line and the place in it.
func TestParseRowsErrors(t *testing.T) {
	good := string(FormatRows(someRows(2)))
	for bad, want := range map[string]string{
		`{"grade":"1","item":0,"sample":0}`:              "results line 3: no newline at the end",
		`{"grade":"1","itum":0,"sample":0}` + "\n":       `results line 3: not the canonical form of a row: want ",\"item\":" at byte 12`,
		`{"grade":"01","item":0,"sample":0}` + "\n":      `results line 3: "01" is not a decimal (want like 0, -1.5, 0.25)`,
		`{"grade":"1","item":0,"sample":0}` + "\n" + "x": "results line 4: no newline at the end",
	} {
		if _, err := ParseRows([]byte(good + bad)); err == nil || err.Error() != want {
			t.Errorf("ParseRows(… %q): %v, want %q", bad, err, want)
		}
	}
}

// someRows are rows of all kinds.
func someRows(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{Item: uint64(i / 2), Sample: uint32(i % 2), Grade: fmt.Sprint(i), Response: attest.LeafHash([]byte{byte(i)})}
		switch i % 4 {
		case 1:
			rows[i].Trace = attest.LeafHash([]byte{byte(i), 1})
		case 2:
			rows[i].Grade, rows[i].Response = "excluded:timeout", attest.Hash{}
		case 3:
			rows[i].Grade = fmt.Sprintf("-0.%d1", i)
		}
	}
	return rows
}

// FuzzParseRows holds ParseRows against a reading of JSON that knows no bytes: what
// FormatRows writes of the members, and nothing else, is accepted.
func FuzzParseRows(f *testing.F) {
	f.Add([]byte(`{"grade":"1","item":0,"sample":0}` + "\n"))
	f.Add(FormatRows(someRows(4)))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := ParseRows(data)
		if err == nil && !bytes.Equal(FormatRows(rows), data) {
			t.Errorf("ParseRows accepts %q, another spelling of %q", data, FormatRows(rows))
		}
		if want, ok := decodeRows(data); ok != (err == nil) {
			t.Errorf("ParseRows(%q) = %v, %v; as JSON %v, %v", data, rows, err, want, ok)
		}
	})
}

// decodeRows is ParseRows written with encoding/json.
func decodeRows(data []byte) (rows []Row, ok bool) {
	for line := range bytes.Lines(data) {
		var w struct {
			Grade           string
			Item            *uint64
			Sample          *uint32
			Response, Trace *attest.Hash
		}
		if json.Unmarshal(line, &w) != nil || w.Item == nil || w.Sample == nil || CheckGradeForm(w.Grade) != nil {
			return nil, false
		}
		r := Row{Item: *w.Item, Sample: *w.Sample, Grade: w.Grade}
		if w.Response != nil {
			r.Response = *w.Response
		}
		if w.Trace != nil {
			r.Trace = *w.Trace
		}
		if !bytes.Equal(FormatRows([]Row{r}), line) {
			return nil, false
		}
		rows = append(rows, r)
	}
	return rows, true
}

func BenchmarkReadRows(b *testing.B) {
	rows := make([]Row, 100_000)
	for i := range rows {
		rows[i] = Row{Item: uint64(i), Response: attest.LeafHash([]byte{byte(i)}), Grade: fmt.Sprint(i % 2)}
	}
	text := FormatRows(rows)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRows(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoot(b *testing.B) {
	rows, skeleton := someRows(200_000), make([]attest.Hash, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Root(attest.Hash{}, rows, skeleton); err != nil {
			b.Fatal(err)
		}
	}
}
