package attest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"testing"
)

// The commitment is the HMAC that crypto/hmac computes, for fields of every size.
func TestCommitField(t *testing.T) {
	salt := Hash{0: 1, 31: 255}
	for _, n := range []int{0, 1, 63, 64, 900, 1023, 1024, 5000} {
		value := bytes.Repeat([]byte("v"), n)
		mac := hmac.New(sha256.New, salt[:])
		mac.Write(AppendLP(AppendLP(AppendTag(nil, "field"), "answer"), value))
		if got, want := CommitField(salt, "answer", value), Hash(mac.Sum(nil)); got != want {
			t.Errorf("commitment to %d bytes = %s, want %s", n, got, want)
		}
	}
}

func BenchmarkCommitField(b *testing.B) {
	value := make([]byte, 300)
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		CommitField(Hash{1}, "answer", value)
	}
}
