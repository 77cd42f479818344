package endpoint

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/apigw"
	"github.com/wavepass/wavepass/pkg/session"
)

// Sessions on a page of a list.
const (
	defaultLimit = 50
	maxLimit     = 100
)

const maxDeviceName = 64 // code points

// Listed is a session as it is shown in a list. Times are unix seconds.
type Listed struct {
	ID         uuid.UUID `json:"id"`
	ClientID   string    `json:"client_id"`
	Device     string    `json:"device,omitzero"`       // the name that was given when it began
	Network    string    `json:"network,omitzero"`      // of the login
	LastFrom   string    `json:"last_network,omitzero"` // of its last refresh or recorded use
	CreatedAt  int64     `json:"created_at"`
	LastUsedAt int64     `json:"last_used_at"` // its last refresh or recorded use, or when it began
}

// List is a page of a list of sessions.
type List struct {
	Sessions []Listed  `json:"sessions"`
	Next     uuid.UUID `json:"next,omitzero"`
}

// ListedOf returns what is shown of a session.
func ListedOf(s session.Session) Listed {
	return Listed{
		ID: s.ID, ClientID: s.ClientID, Device: s.Device, Network: s.Network, LastFrom: s.UsedFrom,
		CreatedAt: s.CreatedAt.Unix(), LastUsedAt: s.LastUsed().Unix(),
	}
}

// ListOf returns what is shown of a page.
func ListOf(page session.Page) List {
	out := List{Sessions: []Listed{}, Next: page.Next}
	for _, s := range page.Sessions {
		out.Sessions = append(out.Sessions, ListedOf(s))
	}
	return out
}

// PageOf reads the parameters of a list. A cursor is the id of the last session of the page before. Only sessions of one account are
// listed, whatever id it is.
func PageOf(query map[string]string) (limit int, before uuid.UUID, err error) {
	limit = defaultLimit
	if text, given := query["limit"]; given {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxLimit {
			return 0, uuid.Nil, apigw.InvalidRequest("limit: want 1 to " + strconv.Itoa(maxLimit))
		}
	}
	if text, given := query["cursor"]; given {
		var valid bool
		if before, valid = ParseID(text); !valid {
			return 0, uuid.Nil, apigw.InvalidRequest("cursor: want the next of an earlier answer")
		}
	}
	return limit, before, nil
}

// ParseID reads an id in the one form that we write. The zero id is refused.
func ParseID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id != uuid.Nil && id.String() == text
}

// ValidDeviceName keeps the list of sessions readable: the name is shown to its owner.
func ValidDeviceName(name string) bool {
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return utf8.RuneCountInString(name) <= maxDeviceName
}
