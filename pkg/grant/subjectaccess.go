package grant

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/claims"
	"github.com/wavepass/wavepass/pkg/client"
)

// AccessChange replaces what a service may give to an account; nil leaves it as it is. Roles, scopes and claims that the service
// may not give stay as they are: operators and other services of the directory have given them.
type AccessChange struct {
	Roles  *[]string
	Scopes *[]string
	Claims *claims.Set
}

// of returns what becomes of an access. Its error is a *NotGrantedError when the service may not give something, and
// claims.ErrInvalid when there are too many claims.
func (c AccessChange) of(service client.Client, was account.Access) (account.Access, error) {
	access := was
	for _, list := range []struct {
		right client.Right
		to    *[]string
		by    *[]string
	}{{client.GrantRole, &access.Roles, c.Roles}, {client.GrantScope, &access.Scopes, c.Scopes}} {
		if list.by == nil {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(*list.to), func(name string) bool { return service.Grants(list.right, name) })
		for _, name := range *list.by {
			switch {
			case !service.Grants(list.right, name):
				return was, notGranted(list.right, name)
			case !slices.Contains(kept, name):
				kept = append(kept, name)
			}
		}
		*list.to = kept
	}
	var err error
	if c.Claims != nil {
		access.Claims, err = claimsFrom(service, was.Claims, *c.Claims)
	}
	return access, err
}

// claimsFrom replaces those claims that a service may give.
func claimsFrom(service client.Client, was, by claims.Set) (claims.Set, error) {
	merged := map[string]any{}
	for name, value := range was.Map() {
		if !service.Grants(client.GrantClaim, name) {
			merged[name] = value
		}
	}
	given := by.Map()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !service.Grants(client.GrantClaim, name) {
			return was, notGranted(client.GrantClaim, name)
		}
		merged[name] = given[name]
	}
	text, err := json.Marshal(merged)
	if err != nil {
		return was, err
	}
	return claims.Parse(string(text))
}

func notGranted(right client.Right, name string) error {
	return refused("give the "+string(right), name)
}
