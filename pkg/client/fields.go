package client

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Field is one part of a definition as people write it.
type Field struct {
	Name string // as in files
	Text func(Client) string
	List func(*Client) *[]string // nil: it has one value
}

func list(name string, of func(*Client) *[]string) Field {
	return Field{name, func(c Client) string { return strings.Join(*of(&c), " ") }, of}
}

// Fields are those that an operator chooses, in the order in which they are shown.
var Fields = []Field{
	{"kind", func(c Client) string { return string(c.Kind) }, nil},
	{"first_party", func(c Client) string { return strconv.FormatBool(c.FirstParty) }, nil},
	list("origins", func(c *Client) *[]string { return &c.Origins }),
	list("redirects", func(c *Client) *[]string { return &c.Redirects }),
	list("post_logout_redirects", func(c *Client) *[]string { return &c.PostLogoutRedirects }),
	list("audiences", func(c *Client) *[]string { return &c.Audiences }),
	list("scopes", func(c *Client) *[]string { return &c.Scopes }),
	{"roles", func(c Client) string { return string(c.Roles) }, nil},
	{"access_life", func(c Client) string { return c.AccessLife.String() }, nil},
	{"idle_life", func(c Client) string { return c.IdleLife.String() }, nil},
	{"absolute_life", func(c Client) string { return c.Absolute.String() }, nil},
	{"remembered_life", func(c Client) string { return c.Remembered.String() }, nil},
	{"late_retries", func(c Client) string { return strconv.Itoa(c.LateRetries) }, nil},
	{"shared_store", func(c Client) string { return strconv.FormatBool(c.SharedStore) }, nil},
	{"consent", func(c Client) string { return strconv.FormatBool(c.Consent) }, nil},
	{"directory", func(c Client) string { return c.Directory }, nil},
	list("may_begin", func(c *Client) *[]string { return &c.MayBegin }),
	list("may_grant", func(c *Client) *[]string { return &c.MayGrant }),
	list("amr", func(c *Client) *[]string { return &c.AMR }),
	{"jwks", func(c Client) string { return c.JWKS }, nil},
	list("introspects", func(c *Client) *[]string { return &c.Introspects }),
}

// Change is how one field of two definitions differs.
type Change struct {
	Field string `json:"field"`
	Was   string `json:"was"`
	Now   string `json:"now"`
}

func (c Change) String() string {
	return fmt.Sprintf("%s: %s → %s", c.Field, orNone(c.Was), orNone(c.Now))
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// Diff is how c differs from what was, in the fields that an operator chooses and in whether there is a secret.
func Diff(was, c Client) (changes []Change) {
	for _, f := range Fields {
		if a, b := f.Text(was), f.Text(c); a != b || f.List != nil && !slices.Equal(*f.List(&was), *f.List(&c)) {
			changes = append(changes, Change{f.Name, a, b})
		}
	}
	if len(was.SecretHash) != len(c.SecretHash) {
		secret := func(c Client) string {
			return map[bool]string{true: "", false: "kept as a hash"}[len(c.SecretHash) == 0]
		}
		changes = append(changes, Change{"secret", secret(was), secret(c)})
	}
	return changes
}
