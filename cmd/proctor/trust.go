package main

import (
	"crypto/sha256"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model/oms"
	"github.com/proctor-attest/proctor/attest/signing"
	"github.com/proctor-attest/proctor/verify/signature"
)

// What says whom to believe of a signature of a model's files. The names are
// cosign's and model_signing's.
const (
	keyFlag         = "key"
	rootsFlag       = "ca-roots"
	identityFlag    = "certificate-identity"
	issuerFlag      = "certificate-oidc-issuer"
	trustedRootFlag = "trusted-root"
	ignoreFlag      = "ignore-paths"
	unsignedFlag    = "ignore-unsigned-files"
)

func trustFlags() []cli.Flag {
	flags := []*cli.StringFlag{
		{Name: keyFlag, Usage: "the signer's public key in PEM, a `FILE`"},
		{Name: rootsFlag, Usage: "certificates in PEM that may vouch for the signer, a `FILE`"},
		{Name: identityFlag, Usage: "the signer's `NAME`, such as an e-mail address or the URL of a workflow"},
		{Name: issuerFlag, Usage: "the `URL` of who vouches for that name"},
		{Name: trustedRootFlag, Usage: "whose logs and certificates count for that name, Sigstore's trusted_root.json, a `FILE`"},
	}
	out := make([]cli.Flag, len(flags))
	for i, f := range flags {
		f.Category = signatureCategory
		out[i] = f
	}
	return out
}

const signatureCategory = "for a SIGNATURE of a model's files"

// readTrust finds out whom the reader believes, and says it in words.
func readTrust(c *cli.Context) (t signature.Trust, inWords string, err error) {
	key, roots, identity := c.String(keyFlag), c.String(rootsFlag), c.String(identityFlag)
	given := 0
	for _, s := range []string{key, roots, identity} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return t, "", withHint(usagef("whom do you believe? want one of --%s, --%s and --%s, got %d", keyFlag, rootsFlag, identityFlag, given),
			"take none of them from where the signature is from: a forger would have put theirs there")
	}
	switch {
	case key != "":
		data, err := readLimited(key, 1<<16)
		if err != nil {
			return t, "", err
		}
		if t.Key, err = attest.ParsePublicKey(data); err != nil {
			return t, "", fmt.Errorf("%s: %w", key, err)
		}
		return t, fmt.Sprintf("the %s key %s of %s", t.Key.Algorithm(), t.Key.Fingerprint(), key), nil
	case roots != "":
		data, err := readLimited(roots, 1<<20)
		if err != nil {
			return t, "", err
		}
		if t.Roots, err = oms.ParseRoots(data); err != nil {
			return t, "", fmt.Errorf("%s: %w", roots, err)
		}
		return t, fmt.Sprintf("the %d certificate(s) of %s to vouch for signers", len(t.Roots), roots), nil
	}
	return readIdentity(c, identity)
}

func readIdentity(c *cli.Context, identity string) (t signature.Trust, inWords string, err error) {
	issuer, name := c.String(issuerFlag), c.String(trustedRootFlag)
	if issuer == "" || name == "" {
		return t, "", usagef("--%s needs --%s and --%s", identityFlag, issuerFlag, trustedRootFlag)
	}
	trusted, err := readLimited(name, 1<<20)
	if err != nil {
		return t, "", err
	}
	t.Identity = &signature.Identity{Name: identity, Issuer: issuer, Check: func(bundle []byte) ([]byte, []signature.Seen, error) {
		k, err := signing.CheckKeyless(bundle, trusted, identity, issuer)
		if err != nil {
			return nil, nil, err
		}
		var seen []signature.Seen
		for _, s := range k.Times {
			seen = append(seen, signature.Seen{At: s.At.UTC(), By: s.By})
		}
		return k.Payload, seen, nil
	}}
	return t, fmt.Sprintf("%q to be whom %q says, by %s (%x)", identity, issuer, name, sha256.Sum256(trusted)), nil
}
