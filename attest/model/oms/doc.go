// Package oms reads, checks and makes signatures of model directories in the form
// of OpenSSF Model Signing (https://github.com/ossf/model-signing-spec), those of
// older versions of its Python reference included.
//
// A signature is a Sigstore bundle around an in-toto statement that lists files
// with their digests. Parse reads one without believing it; CheckKey and
// CheckChain tell whether it is by a key, or by one for which a root of the
// caller's vouches; Compare holds the files of a directory against it. Signatures
// without a key of their own ("sigstore") need package signing. Describe lists
// the files of a directory to be signed, Format wraps what was signed.
//
// What the signature says of itself decides nothing: neither the key that it
// names nor the paths that it left out. Its root digest is over digests alone, so
// that two files with swapped names have one root; Compare goes by name.
//
// It leaves to others when a signature was made, which only a log or a timestamp
// shows, and what the model is good for: nothing was evaluated.
package oms
