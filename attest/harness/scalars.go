package harness

import (
	"strconv"
	"strings"
)

// itemCount is a number of items, 0 for anything else.
func itemCount(f foreign) int {
	n, err := strconv.Atoi(string(f))
	if err != nil || n < 0 || n > MaxItems {
		return 0
	}
	return n
}

// plainText is a text or a number as it is written.
func plainText(f foreign) string {
	if f.isNumber() {
		return string(f)
	}
	s, _ := f.text()
	return s
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
