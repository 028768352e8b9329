package diff

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest/model"
)

// castSide is a model directory of which tensors can be read.
func castSide(t testing.TB, name string) *Side {
	t.Helper()
	files, err := model.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	m, err := model.Digest(context.Background(), files, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	layout, err := model.OpenLayout(files, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := FromModel(name, "directory", m)
	s.Tensor = layout.TensorBytes
	return s
}

func compareCasts(t testing.TB, a, b *Side) *Report {
	t.Helper()
	r := compare(t, a, b)
	if err := r.CompareCasts(context.Background(), a, b, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	return r
}

// PyTorch 2.6 cast wide, which has ties, infinities, NaN, and numbers too large or too
// small, to narrow, and that back to widened.
func TestCompareCasts(t *testing.T) {
	wide, narrow, widened := castSide(t, "testdata/casts/wide"), castSide(t, "testdata/casts/narrow"), castSide(t, "testdata/casts/widened")
	for _, p := range compareCasts(t, wide, narrow).Weights.Cast {
		if v := p.Values; v == nil || v.Equal+v.FirstRounded != 164 || v.FirstRounded < 9 || v.Elements != 164 {
			t.Errorf("%s → %s: %+v", p.First.DType, p.Second.DType, v)
		}
	}
	for _, p := range compareCasts(t, narrow, wide).Weights.Cast {
		if v := p.Values; v == nil || v.Equal+v.SecondRounded != 164 || v.SecondRounded < 9 {
			t.Errorf("%s → %s: %+v", p.First.DType, p.Second.DType, v)
		}
	}
	r := compareCasts(t, narrow, widened)
	for _, p := range r.Weights.Cast {
		if v := p.Values; v == nil || v.Equal != 164 {
			t.Errorf("%s → %s: %+v", p.First.DType, p.Second.DType, v)
		}
	}
	if len(r.Weights.Cast) != 7 || len(r.Unknown) != 0 {
		t.Errorf("%d casts, unknown %q", len(r.Weights.Cast), r.Unknown)
	}
}

// Every value of a narrow type is its own rounding, and between two neighbours the
// nearer one is, or of two as near the one whose last bit is 0.
func TestRound(t *testing.T) {
	for name, width := range map[string]int{"F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8} {
		n := numberOf(name)
		at := func(code int) float64 {
			var x [1]float64
			n.decode(x[:], []byte{byte(code), byte(code >> 8)})
			return x[0]
		}
		for code := range 1 << (width - 1) {
			x, next := at(code), at(code+1)
			if !identical(n.round(x), x) {
				t.Errorf("%s %#x: %v rounds to %v", name, code, x, n.round(x))
			}
			if math.IsNaN(x) || code+1 == 1<<(width-1) || math.IsNaN(next) || math.IsInf(next, 0) {
				continue
			}
			even := x
			if code%2 == 1 {
				even = next
			}
			middle := x + (next-x)/2
			for y, want := range map[float64]float64{middle: even, math.Nextafter(middle, 0): x, math.Nextafter(middle, next): next} {
				if got := n.round(y); got != want {
					t.Errorf("%s: %v rounds to %v, want %v", name, y, got, want)
				}
				if got := n.round(-y); got != -want {
					t.Errorf("%s: %v rounds to %v, want %v", name, -y, got, -want)
				}
			}
		}
	}
}

// One element that no cast gives is counted, and so is a sign of zero.
func TestCompareCastsDifferent(t *testing.T) {
	write := func(dtype string, data []byte, shape ...uint64) *Side {
		dir := t.TempDir()
		f, err := os.Create(dir + "/m.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := model.Write(f, []model.TensorData{{Name: "a", DType: dtype, Shape: shape, Data: data}}); err != nil {
			t.Fatal(err)
		}
		return castSide(t, dir)
	}
	tests := []struct {
		name string
		a, b *Side
		want Values
	}{
		{"signs of zero", write("F16", []byte{0, 0, 0, 0x80}, 2), write("BF16", []byte{0, 0x80, 0, 0x80}, 2), Values{2, 1, 0, 0, 1}},
		{"one bit", write("F16", []byte{0, 0x3c, 1, 0x3c}, 2), write("F32", []byte{0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f}, 2), Values{2, 1, 0, 0, 1}},
		{"integers", write("I8", []byte{0xff, 1}, 2), write("F32", []byte{0, 0, 0x80, 0xbf, 0, 0, 0, 0x3f}, 2), Values{2, 1, 0, 0, 1}},
		{"booleans", write("BOOL", []byte{0, 1}, 2), write("U8", []byte{0, 1}, 2), Values{2, 2, 0, 0, 0}},
		{"a scalar", write("F16", []byte{0, 0x3c}), write("F64", []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}), Values{1, 1, 0, 0, 0}},
		{"nothing", write("F16", nil, 0), write("F64", nil, 0), Values{}},
		{"more than a batch", write("U8", make([]byte, 3*batch+1), 3*batch+1), write("F16", make([]byte, 2*(3*batch+1)), 3*batch+1), Values{3*batch + 1, 3*batch + 1, 0, 0, 0}},
	}
	for _, test := range tests {
		p := compareCasts(t, test.a, test.b).Weights.Cast
		if len(p) != 1 || p[0].Values == nil {
			t.Errorf("%s: %+v", test.name, p)
			continue
		}
		if diff := cmp.Diff(test.want, *p[0].Values); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}

	wide := write("F32", make([]byte, 8), 2)
	unknown := []struct {
		name string
		a, b *Side
		want string
	}{
		{"complex", wide, write("C64", make([]byte, 16), 2), "elements of C64"},
		{"another shape", wide, write("F16", make([]byte, 4), 1, 2), "another shape"},
		{"digests alone", wide, func() *Side { s := *write("F16", make([]byte, 4), 2); s.Tensor = nil; return &s }(), "digests are at hand"},
	}
	for _, test := range unknown {
		r := compareCasts(t, test.a, test.b)
		if got := strings.Join(r.Unknown, "\n"); !strings.Contains(got, test.want) || r.Weights.Cast[0].Values != nil {
			t.Errorf("%s: unknown %q, values %+v", test.name, got, r.Weights.Cast[0].Values)
		}
	}
}

// Bytes that changed since they were hashed are noticed.
func TestCompareCastsChanged(t *testing.T) {
	a, b := castSide(t, "testdata/casts/wide"), castSide(t, "testdata/casts/narrow")
	for what, data := range map[string]string{"other bytes": strings.Repeat("x", 5000), "fewer bytes": "x"} {
		r := compare(t, a, b)
		changed := *b
		changed.Tensor = func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(data)), nil }
		err := r.CompareCasts(context.Background(), a, &changed, nil)
		if err == nil || !strings.Contains(err.Error(), "testdata/casts/narrow: tensor") {
			t.Errorf("%s: %v", what, err)
		}
		changed.Tensor = func(name string) (io.ReadCloser, error) { return nil, fmt.Errorf("no %s", name) }
		if err := r.CompareCasts(context.Background(), a, &changed, nil); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// BenchmarkCompareCasts compares a million elements per operation, most of which were
// rounded.
func BenchmarkCompareCasts(b *testing.B) {
	const n = 1 << 20
	wide, narrow := make([]byte, 4*n), make([]byte, 2*n)
	for i := range n {
		wide[4*i], wide[4*i+1], wide[4*i+2], wide[4*i+3] = byte(i), byte(i>>8)&0x7f, byte(i), 0x3d
		narrow[2*i], narrow[2*i+1] = byte(i), 0x3d
	}
	x, y := numberOf("F32"), numberOf("BF16")
	one, other := make([]float64, batch), make([]float64, batch)
	b.SetBytes(6 * n)
	for b.Loop() {
		var v Values
		for i := 0; i < n; i += batch {
			x.decode(one, wide[4*i:])
			y.decode(other, narrow[2*i:])
			v.count(x, y, one, other)
		}
		if v.FirstRounded < n/2 {
			b.Fatal(v)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
}
