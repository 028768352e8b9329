package testset

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// manyRows is a file of n rows, most of them short, and what one of them is replaced by.
func manyRows(n, bad int, row string) string {
	var b strings.Builder
	for i := range n {
		if i == bad {
			b.WriteString(row)
		} else {
			fmt.Fprintf(&b, `{"n":%d,"text":%q}`, i, strings.Repeat("x", i%700))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// A pass gives the rows, and the first error, that reading them one by one gives.
func TestPassIsInOrder(t *testing.T) {
	const n = 5000
	for _, test := range []struct{ name, file string }{
		{"lines", manyRows(n, -1, "")},
		{"first row", manyRows(n, 0, "{")},
		{"a row in a batch", manyRows(n, 1500, `{"n":1e999}`)},
		{"last row", manyRows(n, n-1, `{"n":"\xff"}`)},
		{"array", "[" + strings.ReplaceAll(strings.TrimSpace(manyRows(n, -1, "")), "\n", ",\n") + "]"},
		{"array that ends", "[" + strings.ReplaceAll(strings.TrimSpace(manyRows(n, -1, "")), "\n", ",\n")},
		{"csv", "n,text\n" + strings.Repeat("1,\"a \"\"b\"\"\"\r\n", n) + "1\n"},
		{"a row larger than a batch", manyRows(n, 2000, `{"n":"`+strings.Repeat("y", largeBatch+1)+`"}`)},
		{"rows larger than a batch", strings.Repeat(`{"n":"`+strings.Repeat("y", largeBatch)+`"}`+"\n", 5)},
	} {
		src := source("f", test.file)
		var want, got []string
		var wantErr error
		for row, err := range Rows(src) {
			if wantErr = err; err == nil {
				want = append(want, fmt.Sprint(row.Number, row.Line, row.Offset, len(row.Members), clip(string(row.Members[0].Value))))
			}
		}
		_, err := eachRow(context.Background(), pass[struct{}]{src: src, seed: maphash.MakeSeed()}, func(row Row) error {
			got = append(got, fmt.Sprint(row.Number, row.Line, row.Offset, len(row.Members), clip(string(row.Members[0].Value))))
			return nil
		})
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: got error %v, want %v", test.name, err, wantErr)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %d other rows than the %d", test.name, len(got), len(want))
		}
	}
}

// The first error of the file is the one that is told, whoever finds it.
func TestFirstErrorWins(t *testing.T) {
	file := `{"id":1}` + "\n" + `{"id":1}` + "\n" + `{"id":` + "\n"
	if _, err := Survey(context.Background(), source("f", file), Options{Key: "id"}); err == nil || !strings.Contains(err.Error(), "is also that of row 0") {
		t.Errorf("got %v, want the key that row 1 repeats", err)
	}
	file = `{"id":1}` + "\n" + `{"id":` + "\n" + `{"id":1}` + "\n"
	if _, err := Survey(context.Background(), source("f", file), Options{Key: "id"}); err == nil || !strings.Contains(err.Error(), "line 2 (row 1)") {
		t.Errorf("got %v, want the error of row 1", err)
	}
}

func TestPassEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	file := manyRows(20_000, -1, "")
	ctx, cancel := context.WithCancel(context.Background())
	boom := errors.New("boom")
	for _, test := range []struct {
		name string
		src  Source
		take func(Row) error
		want error
	}{
		{"of an error", source("f", file), func(row Row) error {
			if row.Number == 3000 {
				return boom
			}
			return nil
		}, boom},
		{"cancelled", source("f", file), func(row Row) error {
			if row.Number == 3000 {
				cancel()
			}
			return nil
		}, context.Canceled},
		{"of a disk", Source{Name: "f", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(file), iotest.ErrReader(boom))), nil
		}}, func(Row) error { return nil }, boom},
	} {
		ctx := ctx
		if test.want == boom {
			ctx = context.Background()
		}
		if _, err := eachRow(ctx, pass[struct{}]{src: test.src, seed: maphash.MakeSeed()}, test.take); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines are left", after-before)
	}
}

func TestProgress(t *testing.T) {
	file := manyRows(5000, -1, "")
	rows, bytes := 0, int64(0)
	progress := func(r int, b int64) {
		if r < rows || b < bytes {
			t.Errorf("progress goes from %d rows, %d bytes to %d, %d", rows, bytes, r, b)
		}
		rows, bytes = r, b
	}
	if _, err := Survey(context.Background(), source("f", file), Options{Progress: progress}); err != nil {
		t.Fatal(err)
	}
	if rows != 5000 || bytes != int64(len(file)) {
		t.Errorf("progress ends at %d rows, %d bytes, want 5000, %d", rows, bytes, len(file))
	}
}
