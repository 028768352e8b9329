package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/urfave/cli/v2"
)

const passphraseVariable = "PROCTOR_BACKUP_PASSPHRASE"

// maxWork is the most work by which an archive's passphrase may be stretched, 2 to
// that power: age takes 18, a second; each step up doubles time and memory.
const maxWork = 20

const ageIntro = "age-encryption.org/v1\n"

func passphraseFlag() cli.Flag {
	return &cli.StringFlag{Name: "passphrase-file", Usage: "read the archive's passphrase from `FILE` (else " + passphraseVariable + ", else it is asked for)"}
}

var archivePassphrase = typedSecret{what: "the archive needs a passphrase", flag: "passphrase-file", variable: passphraseVariable, prompt: "Passphrase of the archive: "}

// recipients are whom an archive is encrypted to: age recipients, or a passphrase.
func (e *env) recipients(c *cli.Context) ([]age.Recipient, error) {
	list, err := namedRecipients(c)
	if err != nil {
		return nil, err
	}
	if len(list) > 0 {
		if c.IsSet("passphrase-file") {
			return nil, usagef("an archive is encrypted to recipients or with a passphrase, not both")
		}
		return list, nil
	}
	passphrase, err := e.newSecret(c, archivePassphrase)
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	return []age.Recipient{r}, nil
}

func namedRecipients(c *cli.Context) ([]age.Recipient, error) {
	var list []age.Recipient
	for _, text := range c.StringSlice("to") {
		found, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(found) != 1 {
			return nil, withHint(usagef("--to %q is no age recipient", text), `want age1…, the public key that "age-keygen" prints`)
		}
		list = append(list, found...)
	}
	for _, name := range c.StringSlice("to-file") {
		data, err := readLimited(name, 1<<20)
		if err != nil {
			return nil, err
		}
		found, err := age.ParseRecipients(strings.NewReader(string(data)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, found...)
	}
	return list, nil
}

// decrypt opens an archive with what the command line gives.
func (e *env) decrypt(c *cli.Context, archive io.Reader) (io.Reader, error) {
	identities := []age.Identity{&lateIdentity{func() ([]byte, error) { return e.secret(c, archivePassphrase) }}}
	if name := c.String("identity"); name != "" {
		data, err := readLimited(name, 1<<20)
		if err != nil {
			return nil, err
		}
		if identities, err = age.ParseIdentities(strings.NewReader(string(data))); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	buffered := bufio.NewReader(archive)
	if begins, _ := buffered.Peek(len(ageIntro)); string(begins) != ageIntro {
		return nil, errors.New("not encrypted with age")
	}
	plain, err := age.Decrypt(buffered, identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none) && c.String("identity") != "":
		return nil, fmt.Errorf("no identity in %s opens it", c.String("identity"))
	case errors.As(err, &none):
		return nil, errors.New("the passphrase does not open it")
	}
	return plain, err
}

// lateIdentity asks for the passphrase once it is known to be of use.
type lateIdentity struct{ ask func() ([]byte, error) }

func (l *lateIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 || stanzas[0].Type != "scrypt" {
		return nil, withHint(errors.New("it is encrypted to a recipient's key"), "give the file with the secret key: --identity FILE")
	}
	passphrase, err := l.ask()
	if err != nil {
		return nil, err
	}
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, err
	}
	identity.SetMaxWorkFactor(maxWork)
	return identity.Unwrap(stanzas)
}

// archiveSize is the size of a file that is to be read as an archive.
func archiveSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errors.New("not a regular file")
	}
	return info.Size(), nil
}
