package testset

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"github.com/proctor-attest/proctor/attest"
)

func gz(t testing.TB, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zst(t testing.TB, data string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(data), nil)
}

// The same rows have the same root, however they are written.
func TestFormatsAgree(t *testing.T) {
	jsonl := `{"id":"a","q":"1, 2\r\n\"3\"","x":""}` + "\n" + `{"id":"b","q":"é\u0001","x":"z"}` + "\n"
	array := " [\n {\"q\" : \"1, 2\\r\\n\\\"3\\\"\", \"id\":\"a\" ,\"x\":\"\"},\n{\"id\":\"b\",\"x\":\"z\",\"q\":\"\\u00e9\\u0001\"}\n]\n"
	csv := "id,q,x\r\na,\"1, 2\r\n\"\"3\"\"\",\r\n\r\nb,é\x01,z"
	want := mustCommit(t, source("rows.jsonl", jsonl), Options{Fields: []string{"id", "q", "x"}})
	if want.Key != "id" {
		t.Fatalf("key is %q, want id", want.Key)
	}
	skippable := "\x50\x2a\x4d\x18\x02\x00\x00\x00ab"
	for name, data := range map[string][]byte{
		"crlf":               []byte(strings.ReplaceAll(jsonl, "\n", "\r\n")),
		"no last break":      []byte(strings.TrimSpace(jsonl)),
		"empty lines":        []byte("\n" + strings.ReplaceAll(jsonl, "\n", "\n \n")),
		"byte order":         []byte("\xef\xbb\xbf" + jsonl),
		"array":              []byte(array),
		"csv":                []byte(csv),
		"csv and byte order": []byte("\xef\xbb\xbf" + csv),
		"jsonl.gz":           gz(t, jsonl),
		"two members":        append(gz(t, jsonl[:20]), gz(t, jsonl[20:])...),
		"jsonl.zst":          zst(t, jsonl),
		"skippable.zst":      append([]byte(skippable), zst(t, jsonl)...),
		"array.gz":           gz(t, array),
		"csv.zst":            zst(t, csv),
	} {
		got, err := commit(t, bytesSource(name, data), Options{Fields: want.Fields}, config())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Root != want.Root {
			t.Errorf("%s: root %s, want %s", name, got.Root, want.Root)
		}
	}
}

func TestRows(t *testing.T) {
	src := source("rows", "\n"+`{"b":1.50,"a":{"y":[1e2],"x":"\u20ac"}}`+"\n\n  {} \n")
	var got []Row
	for row, err := range Rows(src) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row)
	}
	want := []Row{
		{Number: 0, Line: 2, Offset: 1, Members: []Member{{Name: "b", Value: []byte("1.5")}, {Name: "a", Value: []byte(`{"x":"€","y":[100]}`)}}},
		{Number: 1, Line: 4, Offset: 42, Members: []Member{}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Member{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// A value may be as deep as the protocol lets it be, in spite of its row.
func TestRowDepth(t *testing.T) {
	deep := func(n int) Source {
		return source("deep", `{"a":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`,"b":1}`)
	}
	mustCommit(t, deep(attest.MaxDepth), Options{})
	if _, err := commit(t, deep(attest.MaxDepth+1), Options{}, config()); err == nil {
		t.Error("a value deeper than MaxDepth was committed")
	}
	_, s := mustStore(t, deep(attest.MaxDepth), Options{})
	if err := s.Open(context.Background(), io.Discard, []uint64{0}, nil); err != nil {
		t.Error(err)
	}
}

// Every refusal says where, why and what to do.
func TestRowRefusals(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 100) + `"}`
	for _, test := range []struct{ name, file, want string }{
		{"number", `{"a":1}` + "\n" + `{"a":1,"n":[9007199254740993]}`, `f: line 2 (row 1), member "n", byte 20: number 9007199254740993 is not exact in canonical JSON (write it as a string)`},
		{"huge number", `{"n":1e400}`, `f: line 1 (row 0), member "n", byte 5: number 1e400 is not exact in canonical JSON (write it as a string)`},
		{"duplicate name", `{"a":1,"\u0061":2}`, `f: line 1 (row 0), byte 7: duplicate name "a"; remove one of the two members`},
		{"inner duplicate", `{"m":{"a":1,"a":2}}`, `f: line 1 (row 0), member "m", byte 12: duplicate name "a"; remove one of the two members`},
		{"invalid utf-8", "{\"a\":\"\xff\"}", `f: line 1 (row 0), member "a", byte 6: invalid UTF-8; convert the file to UTF-8`},
		{"invalid name", "{\"\xff\":1}", `f: line 1 (row 0), byte 2: invalid UTF-8; convert the file to UTF-8`},
		{"surrogate", `{"a":"\ud800"}`, `f: line 1 (row 0), member "a", byte 6: lone surrogate; replace the broken character`},
		{"not an object", "{}\n[1]", `f: line 2 (row 1), byte 3: a row must be a JSON object; give one JSON object a row, or a JSON array of objects`},
		{"pretty", "{\n\"a\": 1\n}", `f: line 1 (row 0), byte 2: want a member name; give one JSON object a row, or a JSON array of objects`},
		{"two on a line", `{"a":1} {"a":2}`, `f: line 1 (row 0), byte 8: data after the JSON value; give one JSON object a row, or a JSON array of objects`},
		{"cut", `{"a":1`, `f: line 1 (row 0), byte 6: the row ends inside a JSON object, or a comma is missing; give one JSON object a row, or a JSON array of objects`},
		{"no value", `{"a":}`, `f: line 1 (row 0), member "a", byte 5: JSON ends where a value should be; give one JSON object a row, or a JSON array of objects`},
		{"array cut", `[{"a":1}`, "f: line 1 (row 1), byte 8: the JSON array has no end; complete the file"},
		{"array cut in row", `[{"a":1`, "f: line 1 (row 0), byte 7: the JSON array ends inside a row; complete the file"},
		{"array of numbers", "[\n1]", "f: line 2 (row 0), byte 2: every element of the array must be a JSON object"},
		{"array comma", `[{"a":1},]`, "f: line 1 (row 1), byte 9: every element of the array must be a JSON object"},
		{"array no comma", `[{"a":1}{"a":2}]`, "f: line 1 (row 1), byte 8: want a comma or ']' between rows"},
		{"array tail", "[{\"a\":1}]\nx", "f: line 2 (row 1), byte 10: data after the JSON array; remove it"},
		{"csv count", "a,b\n1\n", "f: line 2 (row 0), byte 4: the row has 1 cells, the header 2; quote cells that contain commas or line breaks"},
		{"csv quote", "a,b\n1,\"x\n", "f: line 2 (row 0), byte 6: the quoted cell has no end; close the quote"},
		{"csv bare quote", "a,b\n1,x\"y\n", "f: line 2 (row 0), byte 7: a quote inside a cell that does not start with one; quote the whole cell and double the quotes inside"},
		{"csv after quote", "a,b\n\"1\"2,x\n", "f: line 2 (row 0), byte 7: '2' follows a closing quote; double quotes inside a quoted cell"},
		{"csv return", "a,b\r1,2", "f: line 1, byte 3: a carriage return without a line feed; end lines with LF or CR LF"},
		{"csv utf-8", "a,b\n1,\xe9\n", `f: line 2 (row 0), member "b", byte 6: invalid UTF-8; convert the file to UTF-8`},
		{"csv twice", "a,a\n", `f: line 1, byte 2: the header names "a" twice; rename one of them; is the first line a header?`},
		{"csv unnamed", ",a\n", "f: line 1, byte 0: column 1 of the header has no name; give every column a name"},
		{"semicolons", "a;b\n1;2\n", `f: line 1, byte 0: the only column is "a;b"; separate the cells by commas`},
		{"utf-16", "\xff\xfe{\x00", "f: line 1, byte 0: the file is UTF-16; convert it to UTF-8"},
		{"parquet", "PAR1....", "f: line 1, byte 0: the file is Parquet; export it as JSON Lines"},
		{"zip", "PK\x03\x04....", "f: line 1, byte 0: the file is a zip archive; unpack it and name one file of it"},
		{"twice compressed", string(gz(t, string(gz(t, long)))), "f: line 1, byte 0: the file is not text; give JSON Lines, a JSON array or CSV, plain or compressed once with gzip or zstd"},
		{"whole set", `{"canary":"x","examples":[{"a":1},{"a":2}]}`, `f: line 1 (row 0), member "examples", byte 25: the only row holds a list of objects; if the list is the set, write it out alone (jq '.["examples"]'); if not, say that the file is JSON Lines`},
		{"empty", "", "f: the file has no rows"},
		{"empty array", "[ ]", "f: the file has no rows"},
		{"only header", "a,b\n", "f: the file has no rows"},
		{"no members", "{}\n{}", "f: the rows have no members to commit to"},
		{"gzip cut", string(gz(t, long))[:30], "f: the compressed file ends too early"},
	} {
		_, err := Survey(context.Background(), source("f", test.file), Options{})
		if err == nil {
			t.Errorf("%s: committed, want %q", test.name, test.want)
		} else if got := err.Error(); got != test.want && !(test.name == "gzip cut" && strings.Contains(got, "ends too early")) {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestRowErrorIsTyped(t *testing.T) {
	_, err := Survey(context.Background(), source("f", "{\"a\":1}\n{\"a\":1e999}"), Options{})
	bad, ok := errors.AsType[*RowError](err)
	if !ok || bad.Row != 1 || bad.Line != 2 || bad.Member != "a" || bad.Offset != 13 {
		t.Errorf("got %#v", err)
	}
}

// endless is a file without end; what is read of it is counted.
type endless struct {
	head string
	fill byte
	n    int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = e.fill
	}
	e.n += len(p)
	return len(p), nil
}

// A row without end, of whatever format, is refused at the limit and not held.
func TestRowLimit(t *testing.T) {
	const most = 1 << 20
	for _, test := range []struct {
		head string
		fill byte
		want string
	}{
		{`{"a":"`, 'x', "f: line 1 (row 0), byte 0: the row is longer than 1048576 bytes"},
		{"{}\n", '\n', "more than 1048576 bytes of empty lines"},
		{`[{"a":"`, 'x', "the row is longer than 1048576 bytes"},
		{`[{}`, ' ', "more than 1048576 bytes of white space"},
		{"a,b\n\"", 'x', "the row is longer than 1048576 bytes"},
		{"a,b\n", 'x', "the row is longer than 1048576 bytes"},
	} {
		e := &endless{head: test.head, fill: test.fill}
		in, err := open(Source{Name: "f", Open: func() (io.ReadCloser, error) { return io.NopCloser(e), nil }})
		if err != nil {
			t.Fatal(err)
		}
		if in.most != MaxItem {
			t.Errorf("the limit is %d, want %d", in.most, MaxItem)
		}
		in.most = most
		for err == nil {
			_, _, err = in.nextRow(nil)
		}
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %s", test.head, err, test.want)
		}
		if e.n > 2*most {
			t.Errorf("%q: %d bytes were read", test.head, e.n)
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"c":[null,"\u00e9"]}}` + "\n\n{}"))
	f.Add([]byte(`[{"a":1},{"b":"}"}]`))
	f.Add([]byte("a,b\r\n1,\"x\"\"\r\ny\"\r\n"))
	f.Add(gz(f, `{"a":1}`))
	f.Add(zst(f, "[{}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var file []byte
		var rows []Row
		for row, err := range Rows(bytesSource("f", data)) {
			if err != nil {
				return
			}
			file = append(file, '{')
			for i, m := range row.Members {
				if i > 0 {
					file = append(file, ',')
				}
				file = append(append(attest.AppendString(file, m.Name), ':'), m.Value...)
				if err := attest.CheckCanonical(m.Value); err != nil {
					t.Fatalf("member %q: %v", m.Name, err)
				}
			}
			file = append(file, "}\n"...)
			rows = append(rows, row)
		}
		i := 0
		for row, err := range Rows(Source{Name: "again", Format: FormatJSONL, Open: bytesSource("", file).Open}) {
			if err != nil {
				t.Fatalf("rows written again: %v\n%s", err, file)
			}
			if diff := cmp.Diff(rows[i].Members, row.Members, cmpopts.IgnoreUnexported(Member{}), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("row %d: %s", i, diff)
			}
			i++
		}
		if i != len(rows) {
			t.Fatal(fmt.Errorf("%d rows, want %d", i, len(rows)))
		}
	})
}
