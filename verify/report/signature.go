package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/verify/signature"
)

// mostDiffering is how many files are written out; the rest is counted.
const mostDiffering = 20

// Signature writes the verdict on a signature of a model's files in plain text.
func Signature(w io.Writer, v *signature.Verdict) error {
	p := &printer{w: bufio.NewWriter(w)}
	p.printf("%s   OpenSSF Model Signing\nas of %s\n", v.Headline, stamp(v.At))
	if v.Reason != "" {
		p.wrap("", v.Reason)
	}
	p.printf("\n")
	p.field("signed by", v.Signer)
	if v.Signer == "" {
		p.field("signed by", "unknown; the files were not looked at")
	}
	for _, s := range v.Seen {
		p.field("seen", stamp(s.At)+" by "+s.By)
	}
	p.field("model", quoted(v.Name))
	if v.Files > 0 {
		p.field("files", fmt.Sprintf("%d signed, %d of them here as signed", v.Files, v.Files-absent(v.Differs)))
	}
	if v.Root != (attest.Hash{}) {
		p.field("root", v.Root.String())
	}
	p.differing(v.Differs)
	if len(v.NotSigned) > 0 {
		names := make([]string, len(v.NotSigned))
		for i, n := range v.NotSigned {
			names[i] = strconv.Quote(n)
		}
		p.printf("\nNot signed, and left out\n")
		p.wrap("  ", strings.Join(names, ", "))
	}
	p.list("What this does not show", v.NotShown, "anything: nothing was judged")
	p.list("Whom you are trusting", v.Trusting, "nobody: nothing was judged")
	return p.w.Flush()
}

// absent counts the signed files that are not there as they were signed. A file
// in shards can differ in several.
func absent(differs []signature.Difference) int {
	files := map[string]bool{}
	for _, d := range differs {
		if d.What != "not signed" {
			files[d.Path] = true
		}
	}
	return len(files)
}

func (p *printer) differing(differs []signature.Difference) {
	if len(differs) == 0 {
		return
	}
	p.printf("\nNot as signed\n")
	for i, d := range differs {
		if i == mostDiffering {
			p.wrap("  ", fmt.Sprintf("and %d more", len(differs)-i))
			return
		}
		text := strconv.Quote(d.Path)
		if d.Note != "" {
			text += " (" + d.Note + ")"
		}
		p.wrap(fmt.Sprintf("  %-11s ", d.What), text)
		if d.Want != "" {
			p.wrap("      expected ", d.Want)
			p.wrap("      actual   ", d.Got)
		}
	}
}
