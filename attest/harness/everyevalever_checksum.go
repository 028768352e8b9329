package harness

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"strings"
)

// eeeChecksum compares the digest of the instances with the stated one, and says how they
// differ. Line ends that a version control system exchanged are no difference.
func eeeChecksum(fsys fs.FS, file string, details foreign) (why string, err error) {
	want, _ := details.get("checksum").text()
	algorithm, _ := details.get("hash_algorithm").text()
	if want == "" {
		return "", nil
	}
	makeHash := sha256.New
	switch algorithm {
	case "sha256":
	case "md5":
		makeHash = md5.New
	default:
		return "", fmt.Errorf("hash_algorithm is %q, want sha256 or md5", algorithm)
	}
	f, err := fsys.Open(file)
	if err != nil {
		return "", err
	}
	whole, unix, dos := makeHash(), &lineEnds{Hash: makeHash()}, &lineEnds{Hash: makeHash(), end: "\r\n"}
	_, err = io.Copy(io.MultiWriter(whole, unix, dos), struct{ io.Reader }{f})
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", err
	}
	for _, h := range []hash.Hash{whole, unix, dos} {
		if strings.EqualFold(hex.EncodeToString(h.Sum(nil)), want) {
			return "", nil
		}
	}
	return fmt.Sprintf("the %s of the instances is %x, and the record states %s: other than by line ends, this is not the file that the record was written with; nothing says what was changed",
		algorithm, whole.Sum(nil), want), nil
}

// lineEnds hashes a text as if its lines had other ends.
type lineEnds struct {
	hash.Hash
	end  string // "" is a line feed
	held bool   // a carriage return that a line feed may follow
}

func (l *lineEnds) Write(p []byte) (int, error) {
	end := l.end
	if end == "" {
		end = "\n"
	}
	rest := p
	for len(rest) > 0 {
		i := bytes.IndexAny(rest, "\r\n")
		if l.held && i != 0 || l.held && rest[0] == '\r' {
			l.Hash.Write([]byte{'\r'})
			l.held = false
		}
		if i < 0 {
			l.Hash.Write(rest)
			break
		}
		l.Hash.Write(rest[:i])
		if rest[i] == '\n' {
			io.WriteString(l.Hash, end)
			l.held = false
		} else {
			l.held = true
		}
		rest = rest[i+1:]
	}
	return len(p), nil
}

// Sum is not to be written to after.
func (l *lineEnds) Sum(b []byte) []byte {
	if l.held {
		l.Hash.Write([]byte{'\r'})
		l.held = false
	}
	return l.Hash.Sum(b)
}

// eeeRange is where a record says that its score can be; nil where it does not.
func eeeRange(config foreign) *[2]float64 {
	low, ok := config.get("min_score").float()
	if !ok {
		low = math.Inf(-1)
	}
	high, ok := config.get("max_score").float()
	if !ok {
		high = math.Inf(1)
	}
	if math.IsInf(low, -1) && math.IsInf(high, 1) || low > high {
		return nil
	}
	return &[2]float64{low, high}
}
