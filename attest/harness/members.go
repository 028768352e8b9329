package harness

import (
	"bytes"
	"encoding/json"
	"slices"
)

// hasMembers reports whether the first object of a file, or the first of the array that
// the file is, has all of the names among its own members, as far as the head goes.
func hasMembers(head []byte, begin byte, names ...string) bool {
	if head = bytes.TrimLeft(withoutNaN(head), " \t\r\n"); len(head) == 0 || head[0] != begin {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(head, []byte("["))))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	left := slices.Clone(names)
	for depth, isName := 0, true; len(left) > 0; {
		t, err := d.Token()
		if err != nil {
			return false
		}
		switch text, _ := t.(string); {
		case t == json.Delim('{') || t == json.Delim('['):
			depth++
			continue
		case (t == json.Delim('}') || t == json.Delim(']')) && depth == 0:
			return false
		case t == json.Delim('}') || t == json.Delim(']'):
			depth--
		case depth > 0:
		case isName:
			left = slices.DeleteFunc(left, func(n string) bool { return n == text })
			isName = false
			continue
		}
		isName = isName || depth == 0
	}
	return true
}
