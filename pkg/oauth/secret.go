package oauth

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret holds a raw token, password or client secret. Every way of printing or encoding it yields
// "[redacted]"; only Reveal gives the text.
//
// The text sits behind a pointer because fmt does not call methods on unexported fields: a struct that
// holds a Secret unexported prints an address, never the text. For the same reason == compares nothing
// useful; compare with subtle.ConstantTimeCompare on what Reveal returns.
type Secret struct{ text *string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. Call it only where the text leaves for its owner or is checked.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no text, so that `json:",omitzero"` leaves an empty one out.
func (s Secret) IsZero() bool { return s.text == nil || *s.text == "" }

// Format redacts every fmt verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String redacts.
func (s Secret) String() string { return redacted }

// LogValue redacts in log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts in JSON and every other text encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText takes the text as it is, so that a request can be decoded straight into a Secret.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
