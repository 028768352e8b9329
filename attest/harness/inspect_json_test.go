package harness

import (
	"strings"
	"testing"
	"testing/fstest"
)

// A log in one piece is split without losing what it says, and what cannot be split in
// one way is refused.
func TestScanInspectJSON(t *testing.T) {
	for _, tt := range []struct{ log, header, samples, err string }{
		{`{"eval":{"a":[1,"]"]},"samples":[{"id":1,"x":"},{"},2 ,"s"],"z":null}`, `{"eval":{"a":[1,"]"]},"samples":[],"z":null}`, `{"id":1,"x":"},{"}|2 |"s"`, ""},
		{` { "samples" : [ ] , "eval" : {} } `, `{"samples":[],"eval":{} }`, ``, ""},
		{`{}`, `{}`, ``, ""},
		{`{"samples":{"a":[1]}}`, `{"samples":{"a":[1]}}`, ``, ""},
		{`{"samples":[1]`, "", "1", "line 1: unexpected EOF"},
		{`{"samples":[1`, "", "", "line 1: unexpected EOF"},
		{`{"samples":[1] x}`, "", "1", "after a list"},
		{`{"a","b":1}`, "", "", "without a colon"},
		{`{"a":1} x`, "", "", "data after"},
		{"{\n1:2}", "", "", "line 2: '1' in place of a member's name"},
		{`{"a":1]}`, "", "", "unexpected EOF"},
		{`[]`, "", "", "not a JSON object"},
		{``, "", "", "not a JSON object"},
	} {
		fsys := fstest.MapFS{"log.json": {Data: []byte(tt.log)}}
		var samples []string
		header, err := scanInspectJSON(fsys, "log.json", func(raw foreign) error {
			samples = append(samples, string(raw))
			return nil
		})
		if err != nil != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want %q", tt.log, err, tt.err)
		}
		if string(header) != tt.header && tt.err == "" || strings.Join(samples, "|") != tt.samples {
			t.Errorf("%s: header %s, samples %q; want %s, %s", tt.log, header, samples, tt.header, tt.samples)
		}
	}
	for _, log := range []string{
		`{"eval":{},"samples":[],"samples":[1]}`,
		`{"eval":{},"sampl\u0065s":[1]}`,
		`{"eval":{},"samples":[{"a":1,"a":2}]}`,
		`{"eval":{},"x":tru}`,
	} {
		if _, err := openInspectJSON(fstest.MapFS{"log.json": {Data: []byte(log)}}, "log.json"); err == nil {
			t.Errorf("%s is opened", log)
		}
	}
}
