package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/verify"
)

// tsaPolicyFlags go with the certificates of a timestamp authority.
func tsaPolicyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "name", Usage: "`NAME` for a timestamp authority"},
		&cli.StringFlag{Name: "operator", Usage: "who runs the timestamp authority, a `URI` as in the groups of independent parties"},
		&cli.StringFlag{Name: "oid", Usage: "count a timestamp authority's tokens under its policy `OID` alone"},
		&cli.IntFlag{Name: "tsa-threshold", Usage: "`N` operators of timestamp authorities must have dated something (default: as it is, or 1)"},
	}
}

func isCertificates(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN CERTIFICATE-----"))
}

// addTSA adds a timestamp authority, whose certificates data has.
func addTSA(c *cli.Context, file *verify.PolicyFile, data []byte) error {
	if c.String("name") == "" || c.String("operator") == "" {
		return usagef("these are certificates of a timestamp authority: want --name NAME and --operator URI")
	}
	if _, err := signing.ParseAuthority(data, c.String("oid")); err != nil {
		return withHint(err, "want what signs its tokens, what is between and the root, in PEM, as the authority publishes them")
	}
	file.TSAs = append(file.TSAs, verify.TSAFile{
		Name: c.String("name"), Operator: c.String("operator"), OID: c.String("oid"), Chain: string(bytes.TrimSpace(data)) + "\n",
	})
	if n := c.Int("tsa-threshold"); n != 0 {
		file.Time.TSAThreshold = n
	} else if file.Time.TSAThreshold == 0 {
		file.Time.TSAThreshold = 1
	}
	if c.Bool("independent") {
		addIndependent(file, c.String("operator"))
	}
	return nil
}

// showTSAs says whom a policy believes a time.
func showTSAs(w io.Writer, p *verify.Policy) error {
	if len(p.TSAs) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\nor when tokens are beside them of %d operator(s) of these timestamp authorities:\n", p.TSAThreshold)
	for _, t := range p.TSAs {
		fmt.Fprintf(w, "  %s, run by %s%s\n", t.Name, t.Operator, window(&t))
		a, err := signing.ParseAuthority([]byte(t.Chain), t.OID)
		if err != nil {
			return errors.Join(fmt.Errorf("tsa %q", t.Name), err)
		}
		for _, line := range a.Describe() {
			fmt.Fprintf(w, "    %s\n", printable(line))
		}
		if t.OID != "" {
			fmt.Fprintf(w, "    under its policy %s alone\n", t.OID)
		}
	}
	return nil
}

func window(t *verify.TSA) string {
	text := ""
	if !t.From.IsZero() {
		text += ", from " + t.From.UTC().Format("2006-01-02")
	}
	if !t.Until.IsZero() {
		text += ", until " + t.Until.UTC().Format("2006-01-02")
	}
	return text
}
