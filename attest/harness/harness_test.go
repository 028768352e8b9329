package harness

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func readJSONL(t *testing.T, text string, paths Paths) ([]Row, error) {
	t.Helper()
	var rows []Row
	err := JSONL("log.jsonl", strings.NewReader(text), paths, func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	return rows, err
}

func TestJSONL(t *testing.T) {
	text := `{"id":"q-1","out":{"text":"a\u0062","n":1.50},"v":{"ok":true},"t":[1],"s":0}
{"id":7, "out":[ 1, {"b":2,"a":null} ], "v":{"ok":0.250}, "s":1, "other":NaN}

{"id":"q-3","v":{"ok":"excluded:time-out"},"x":9007199254740993}` + "\r\n"
	rows, err := readJSONL(t, text, Paths{Key: "id", Response: "out", Grade: "v.ok", Trace: "/t"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{Where: "log.jsonl:1", Key: `"q-1"`, Grade: "1", Response: []byte(`{"n":1.5,"text":"ab"}`), Trace: []byte(`[1]`),
			Doc: []byte(`{"id":"q-1","out":{"n":1.5,"text":"ab"},"s":0,"t":[1],"v":{"ok":true}}`)},
		{Where: "log.jsonl:2", Key: `7`, Grade: "0.25", Response: []byte(`[1,{"a":null,"b":2}]`),
			Doc: []byte(`{"id":7, "out":[ 1, {"b":2,"a":null} ], "v":{"ok":0.250}, "s":1, "other":NaN}`)},
		{Where: "log.jsonl:4", Key: `"q-3"`, Grade: "excluded:time-out",
			Doc: []byte(`{"id":"q-3","v":{"ok":"excluded:time-out"},"x":9007199254740993}`)},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestJSONLPaths(t *testing.T) {
	row := `{"a.b":{"c/d":[{"~":"answer"}]},"grade":"-0.5","s":3}`
	rows, err := readJSONL(t, row, Paths{Response: "/a.b/c~1d/0/~0", Grade: "grade", Sample: "s"})
	if err != nil {
		t.Fatal(err)
	}
	if r := rows[0]; string(r.Response) != `"answer"` || r.Grade != "-0.5" || r.Sample != 3 || r.Key != "" {
		t.Errorf("row = %+v", r)
	}
	for _, p := range []Paths{
		{}, {Response: "r"}, {Grade: "g"}, {Response: "a..b", Grade: "g"},
		{Response: "/a~2", Grade: "g"}, {Response: "/a~", Grade: "g"},
	} {
		if _, err := readJSONL(t, row, p); err == nil {
			t.Errorf("JSONL(%+v) succeeded", p)
		}
	}
}

func TestJSONLRefuses(t *testing.T) {
	paths := Paths{Key: "k", Response: "r", Trace: "t", Grade: "g", Sample: "s"}
	good := `{"k":1,"r":"x","t":null,"g":1,"s":0}`
	for _, c := range []struct{ row, want string }{
		{`{"k":1,"r":"x","t":0,"g":null,"s":0}`, "grade g: is null"},
		{`{"k":1,"r":"x","t":0,"g":NaN,"s":0}`, "grade g: is NaN"},
		{`{"k":1,"r":"x","t":0,"g":-Infinity,"s":0}`, "grade g: is -Infinity"},
		{`{"k":1,"r":"x","t":0,"s":0}`, "grade g: is missing"},
		{`{"k":1,"r":"x","t":0,"g":"1.0","s":0}`, `"1.0" is not a decimal`},
		{`{"k":1,"r":"x","t":0,"g":"excluded:","s":0}`, "is no exclusion"},
		{`{"k":1,"r":"x","t":0,"g":"excluded:Bad","s":0}`, "is no exclusion"},
		{`{"k":1,"r":"x","t":0,"g":{},"s":0}`, "grade g: is {}"},
		{`{"k":1,"r":"x","t":0,"g":1e40,"s":0}`, "does not fit"},
		{`{"k":1,"t":0,"g":1,"s":0}`, "response r is missing"},
		{`{"k":1,"r":[0.1,9007199254740993],"t":0,"g":1,"s":0}`, "response r: number 9007199254740993 is not exact"},
		{`{"k":1,"r":NaN,"t":0,"g":1,"s":0}`, "response r: "},
		{`{"k":1,"r":1,"t":1e400,"g":1,"s":0}`, "trace t: number 1e400"},
		{`{"k":1,"k":2,"r":"x","t":0,"g":1,"s":0}`, `duplicate name "k"`},
		{`{"k":1.5,"r":"x","t":0,"g":1,"s":0}`, "key k: is 1.5"},
		{`{"k":true,"r":"x","t":0,"g":1,"s":0}`, "key k: is true"},
		{`{"r":"x","t":0,"g":1,"s":0}`, "key k: is missing"},
		{`{"k":1,"r":"x","t":0,"g":1,"s":-1}`, "sample s: is -1"},
		{`{"k":1,"r":"x","t":0,"g":1,"s":4294967296}`, "sample s: is 4294967296"},
		{`{"k":1,"r":"x","t":0,"g":1}`, "sample s: is missing"},
		{`[1]`, "not a JSON object"},
		{`{"k":1`, "want a comma"},
		{`{"k":"` + "\xff" + `"}`, "invalid UTF-8"},
		{`{"k":1,"r":"x","t":0,"g":1NaN,"s":0}`, "want a comma"},
	} {
		_, err := readJSONL(t, good+"\n"+c.row, paths)
		if err == nil || !strings.HasPrefix(err.Error(), "log.jsonl:2: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want line 2 and %q", c.row, err, c.want)
		}
	}
	noTrace := `{"k":1,"r":"x","g":1,"s":0}`
	if _, err := readJSONL(t, noTrace, paths); err == nil || !strings.Contains(err.Error(), "no row has a member t") {
		t.Errorf("a trace path that leads nowhere: %v", err)
	}
}

func TestJSONLStopsWithYield(t *testing.T) {
	stop := errors.New("enough")
	err := JSONL("x", strings.NewReader(`{"r":1,"g":1}`), Paths{Response: "r", Grade: "g"}, func(Row) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("JSONL = %v, want the error of yield", err)
	}
}

func TestCompression(t *testing.T) {
	plain := []byte(`{"r":1,"g":1}` + "\n" + `{"r":2,"g":0}`)
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(plain)
	w.Close()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"plain": plain, "gzip": gz.Bytes(), "zstd": e.EncodeAll(plain, nil)} {
		rows, err := readJSONL(t, string(data), Paths{Response: "r", Grade: "g"})
		if err != nil || len(rows) != 2 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
	if _, err := readJSONL(t, gz.String()[:gz.Len()-10], Paths{Response: "r", Grade: "g"}); err == nil {
		t.Error("a truncated file was read to its end")
	}
}

func TestLineLimit(t *testing.T) {
	long := strings.NewReader(`{"r":"` + strings.Repeat("x", MaxLine) + `","g":1}`)
	err := JSONL("x", long, Paths{Response: "r", Grade: "g"}, func(Row) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "x:1: line is longer") {
		t.Errorf("JSONL = %v, want a complaint about line 1", err)
	}
}

// Spellings were taken from Python 3.11: json.dumps(json.loads(x), indent=2,
// ensure_ascii=False).
func TestPythonJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{}`: `{}`, `[ ]`: `[]`, `"\u00e9\u2028\u007f\u0001\/\b\f\n\r\t\"\\"`: "\"é\u2028\x7f\\u0001/\\b\\f\\n\\r\\t\\\"\\\\\"",
		`{"b":[1, 2.50,{"a":[]}],"a":{}}`: "{\n  \"b\": [\n    1,\n    2.5,\n    {\n      \"a\": []\n    }\n  ],\n  \"a\": {}\n}",
		`1E5`:                             "100000.0", `1e16`: "1e+16", `123456789012345680.0`: "1.2345678901234568e+17", `9999999999999998.0`: "9999999999999998.0",
		`0.0001`: "0.0001", `0.00001`: "1e-05", `-0`: "0", `-0.0`: "-0.0", `0e5`: "0.0", `1e400`: "Infinity", `-1e400`: "-Infinity",
		`12345678901234567890123`: "12345678901234567890123", `5e-324`: "5e-324", `1.7976931348623157e308`: "1.7976931348623157e+308",
		`[NaN, -Infinity,true,null]`: "[\n  NaN,\n  -Infinity,\n  true,\n  null\n]",
	} {
		f, err := checkForeign([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := string(f.pythonJSON()); got != want {
			t.Errorf("pythonJSON(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestForeign(t *testing.T) {
	f, err := checkForeign([]byte(` { "a" : [ 1 , "x,]}\"" , { "b" : null } ] , "NaN": NaN, "c":{} } `))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"a/0": "1", "a/1": `"x,]}\""`, "a/2/b": "null", "NaN": "NaN", "c": "{}",
		"a/3": "", "a/01": "", "a/-1": "", "b": "", "c/x": "", "a/0/x": "",
	} {
		if got := string(f.get(strings.Split(path, "/")...)); got != want {
			t.Errorf("get(%s) = %s, want %s", path, got, want)
		}
	}
	for _, bad := range []string{"nan", "-NaN", "NaN1", "1Infinity", `{"a":Inf}`, "NaNNaN", "--Infinity"} {
		if _, err := checkForeign([]byte(bad)); err == nil {
			t.Errorf("checkForeign(%s) succeeded", bad)
		}
	}
}

func FuzzJSONL(f *testing.F) {
	f.Add([]byte(`{"k":1,"r":{"x":[1,2]},"g":true,"t":"why"}`))
	f.Add([]byte(`{"k":"a","r":NaN,"g":"excluded:x"}` + "\n\n[]"))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		paths := Paths{Key: "k", Response: "r", Trace: "t", Grade: "g"}
		var rows []Row
		collect := func(r Row) error { rows = append(rows, r); return nil }
		if err := JSONL("x", bytes.NewReader(data), paths, collect); err != nil {
			return
		}
		// Writing the rows as JSONL and reading them again gives the same rows.
		var again bytes.Buffer
		for _, r := range rows {
			fmt.Fprintf(&again, `{"k":%s,"g":%q`, r.Key, r.Grade)
			if r.Response != nil {
				fmt.Fprintf(&again, `,"r":%s`, r.Response)
			}
			if r.Trace != nil {
				fmt.Fprintf(&again, `,"t":%s`, r.Trace)
			}
			again.WriteString("}\n")
		}
		first := slices.Clone(rows)
		rows = nil
		if err := JSONL("x", &again, paths, collect); err != nil {
			t.Fatal(err)
		}
		for i := range first {
			first[i].Where, first[i].Doc = "", nil
			rows[i].Where, rows[i].Doc = "", nil
		}
		if diff := cmp.Diff(first, rows); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzPythonJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5e30,{"":"x"}],"b":NaN}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := checkForeign(data)
		if err != nil {
			return
		}
		once := v.pythonJSON()
		again, err := checkForeign(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice := again.pythonJSON(); !bytes.Equal(once, twice) {
			t.Errorf("%s became %s", once, twice)
		}
	})
}
