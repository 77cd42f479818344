package audit

// Section is a part of docs/events.md, which is written out of Sections.
type Section struct {
	Title string
	Text  string // what the events have in common; may be empty
	Kinds []Kind
}

// Kind is what can be said of every event with one name. Members and actors are separated by spaces. Tests hold the events that they cause to it
// (internal/eventlines).
type Kind struct {
	Name   string
	By     string // actors: person, client, operator, system
	Always string // members that the line has, beside those of OfEveryEvent
	May    string // members that it can have
	When   string // sentences, in Markdown

	Example Event // members that its example line on the page has in a way of its own
}

// OfEveryEvent are the members that every line has and that any event can fill.
func OfEveryEvent() []string {
	return []string{"event", "time", "request_id", "actor", "network", "user_agent"}
}

// Member is a member of the line of an event.
type Member struct{ Name, Says string }

// Members are the members of lines, in their order.
func Members() []Member {
	return []Member{
		{"event", "one of the names below"},
		{"time", "when the event was written, RFC 3339, UTC, milliseconds"},
		{"request_id", "API Gateway's id of the request, or the scheduler's of its event; empty for operators"},
		{"actor", "who did it: `person` (or somebody who passes for them), `client:<id>` for a client that authenticated, `operator:<name>`, `system` for the schedule and for what a process makes at its first start"},
		{"sub", "account id, a UUID"},
		{"sid", "session id, a UUID"},
		{"client_id", "client id"},
		{"network", "the caller's address without its last bits: /24 of IPv4, /64 of IPv6; empty for operators"},
		{"user_agent", "the caller's `User-Agent`, as it came; empty for operators"},
		{"reason", "why, in words for people; the words may change"},
		{"generation", "how many times the session's refresh token had been replaced when the presented one was made; absent for 0"},
		{"kid", "key id; of a MAC key `mac:` and its version"},
		{"jti", "id of an access token"},
		{"api", "the id of the API whose policy it was, or `default`"},
		{"by_sid", "the session from which another one was ended or begun"},
		{"count", "how many items a batch changed"},
		{"provider", "the id of a foreign identity provider"},
		{"resource", "the address of a protected resource"},
		{"mail", "the purpose of a mail: `signup`, `account_exists`, `recover`, `confirm_address`, `invitation`, `password_changed`, `address_changing`, `address_set`, `identity_linked` or `deletion`"},
		{"name_hash", "of a username that is nobody's: the MAC key's id, and the first 16 bytes of its HMAC of the name in hexadecimal. Equal hashes are the same name. Only the service can compute one"},
	}
}

// Sections are all events. Nothing but tests and pages reads this, so that functions do not link it.
func Sections() []Section {
	return []Section{
		{"Logins", "", []Kind{
			{Name: "login", By: "person", Always: "sub sid client_id", May: "provider", When: "A person logged in; a session began. `provider` says where they came from, when that was an identity provider."},
			{Name: "login_failed", By: "person", Always: "client_id", May: "sub name_hash", When: "A wrong password, an unknown username, or a disabled account.",
				Example: Event{NameHash: "mac:1:3f1c0a9be7d24c5f8a6b1d2e3f405162"}},
			{Name: "login_limited", By: "person", Always: "client_id", When: "A login was refused before the password was checked, because of too many attempts."},
			{Name: "code_offered", By: "person", Always: "sub sid client_id", When: "A person who is signed in at the pages was sent back to an application with an authorization code. Its session has not begun.",
				Example: Event{ClientID: "partner-web"}},
			{Name: "code_used", By: "person", Always: "sub sid client_id", When: "The application has exchanged the code; its session began.",
				Example: Event{ClientID: "partner-web"}},
			{Name: "code_refused", By: "person", Always: "client_id reason", May: "sub sid", When: "A code that is not known, has expired, or does not belong to the client, the redirect or the verifier. Nothing changed.",
				Example: Event{Reason: "it has expired: a code is good for a minute", ClientID: "partner-web"}},
			{Name: "code_replayed", By: "person", Always: "sub sid client_id", When: "A code came a second time and was right in everything: its session was revoked.",
				Example: Event{ClientID: "partner-web"}},
			{Name: "client_fetched", By: "person", Always: "sub sid client_id", When: "The document of a client that nobody has registered was read, and is its record now.",
				Example: Event{ClientID: "https://app.example/client.json"}},
			{Name: "no_document", By: "person", Always: "sub sid client_id reason", When: "Such a document could not be read or used. Nothing was stored.",
				Example: Event{Reason: "the answer is not application/json", ClientID: "https://app.example/client.json"}},
			{Name: "consent_given", By: "person", Always: "sub sid client_id", When: "A person has allowed an application what it asked for.",
				Example: Event{ClientID: "partner-web"}},
			{Name: "consent_taken", By: "person", Always: "sub sid client_id", May: "count", When: "A person has taken back what they had allowed an application; its sessions ended.",
				Example: Event{ClientID: "partner-web"}},
			{Name: "identity_linked", By: "person", Always: "sub provider", When: "Somebody came from a provider for the first time, and their address led to an account that was there. An `account_revoked` goes before it: sessions and password ended."},
			{Name: "roles_omitted", By: "person", Always: "sub sid client_id", When: "An access token was issued without its roles, because they did not fit into it."},
		}},
		{"Refreshes", "", []Kind{
			{Name: "refresh", By: "person", Always: "sub sid client_id", May: "generation", When: "A refresh token was replaced, or one of a client that authenticates was used.",
				Example: Event{Generation: 7}},
			{Name: "race_replay", By: "person", Always: "sub sid client_id", May: "generation", When: "A token that was just replaced was answered with its successor again, or one that was just made with itself.",
				Example: Event{Generation: 7}},
			{Name: "late_retry", By: "person", Always: "sub sid client_id", May: "generation", When: "A token that was replaced longer ago was answered with its successor again, as the client allows.",
				Example: Event{Generation: 7}},
			{Name: "overtaken", By: "person", Always: "sub sid client_id", May: "generation", When: "A token was replaced twice while it was on its way. The client was asked to come again with the newest.",
				Example: Event{Generation: 5}},
			{Name: "stale_token", By: "person", Always: "sub sid client_id", May: "generation", When: "An old token came back from a client whose processes share one store, and was counted.",
				Example: Event{Generation: 5}},
			{Name: "refresh_refused", By: "person", Always: "sub sid client_id reason", May: "generation", When: "The session cannot be used, not by this client, or not for the resource that was asked for. `reason` says why.",
				Example: Event{Reason: "session: ended: idle", Generation: 7}},
			{Name: "reuse_detected", By: "person", Always: "sub sid client_id", May: "generation", When: "An old token came back, so somebody has a copy. The session was ended. **Worth an alarm.**",
				Example: Event{Generation: 3}},
			{Name: "restored_table", By: "person", Always: "sub sid client_id", May: "generation", When: "A token is newer than the table, which was restored from a backup ([keys.md](keys.md)). **Worth an alarm.**",
				Example: Event{Generation: 9}},
		}},
		{"What clients do for themselves", "A service that makes, changes or ends something of its directory leaves the events of the tables below, with its own name as the actor:\n`account_added` for the first session of a user, `access_set`, `account_disabled`, `account_enabled`, `session_ended`, and `account_revoked` for all sessions.", []Kind{
			{Name: "client_refused", By: "person", Always: "client_id reason", When: "A request named a registered client that authenticates, and did not authenticate as it: a wrong secret, or an assertion that is not accepted. **Worth an alarm when there are many.**",
				Example: Event{Reason: "a wrong secret", ClientID: "partner"}},
			{Name: "token_issued", By: "client", Always: "client_id jti", When: "A service was given an access token for itself (RFC 6749 §4.4).",
				Example: Event{ClientID: "partner"}},
			{Name: "session_begun", By: "client", Always: "sub sid client_id", When: "A service began a session for a user of its directory."},
			{Name: "begin_repeated", By: "client", Always: "sub sid client_id", When: "A service asked again with the same `Idempotency-Key`, and got the same session."},
		}},
		{"Mails", "No event has an address. `sub` stands where the order named an account; orders for a sign-up and a recovery never do.", []Kind{
			{Name: "mail_sent", By: "system", Always: "mail", May: "sub client_id", When: "A mail was handed to SES. Whether it arrives is not known ([mail.md](mail.md)).",
				Example: Event{ClientID: "app", Mail: "password_changed", Subject: "0190b0e4-7e00-7000-8000-000000000001"}},
			{Name: "mail_failed", By: "system", Always: "mail reason", May: "sub client_id", When: "A mail was not sent, or that is not known. `reason` begins with `rejected`, `paused`, `throttled`, `unverified`, `forbidden`, `unreachable`, `unavailable` or `unclear`, and says what to do. **Worth an alarm.**",
				Example: Event{Reason: "paused: SES lets this account send nothing; see the account dashboard of SES, reputation", ClientID: "app", Mail: "signup"}},
			{Name: "mail_dropped", By: "system", Always: "mail reason", May: "client_id", When: "A recovery was asked for with an address that has no account. Nothing was sent.",
				Example: Event{Reason: "nobody has the address", ClientID: "app"}},
		}},
		{"What people and clients end", "", []Kind{
			{Name: "logged_out", By: "person", Always: "sub sid client_id", May: "reason", When: "A person logged out of a session. The `reason` is `replaced` when they logged in to a site again with the same browser, which ended its earlier session."},
			{Name: "logged_out_everywhere", By: "person", Always: "sub sid client_id", When: "A person ended all sessions of the account. `sid` is the one that they did it from."},
			{Name: "session_ended", By: "person client", Always: "sub sid client_id", May: "by_sid", When: "A person ended session `sid` from the list. `by_sid` is the session that they did it from, and `client_id` its client. When a service ended it, there is no `by_sid`.",
				Example: Event{By: "0190b0e4-7e00-7000-8000-00000000000b"}},
			{Name: "other_sessions_ended", By: "person", Always: "sub sid client_id", When: "A person ended all sessions but `sid`."},
			{Name: "password_changed", By: "person", Always: "sub sid client_id by_sid", When: "A person changed their password. All sessions ended, and `sid` began. `by_sid` is the session that they did it from."},
			{Name: "password_failed", By: "person", May: "sub sid client_id name_hash", When: "The current password that a change needs was wrong, and nothing changed. `sid` and `client_id` are of the session; at the page for a new address there is none, and without `sub` no account has the username."},
			{Name: "password_limited", By: "person", May: "sub sid client_id", When: "The current password that a change needs was not checked, because of too many attempts. `sub`, `sid` and `client_id` are of the session; at the page for a new address there is none."},
			{Name: "signed_up", By: "person", Always: "sub mail", When: "Somebody made an account with the address that a mail went to.",
				Example: Event{Mail: "signup"}},
			{Name: "recovered", By: "person", Always: "sub mail", When: "A person chose a new password by a mail. All sessions ended."},
			{Name: "address_asked", By: "person", Always: "sub", May: "sid client_id", When: "Somebody proved that an account is theirs, and asked for a mail to a new address of it. Nothing changed yet. `sid` and `client_id` are of their session; at the page there is none."},
			{Name: "address_confirmed", By: "person", Always: "sub mail", When: "The account has the address that a mail went to. All sessions ended."},
			{Name: "address_taken_back", By: "person", Always: "sub mail", When: "The account has the address of before again, and a new password. All sessions ended, linked identities are gone, and an account that was closed is open. Somebody else may have had the account: look at what came before."},
			{Name: "proof_refused", By: "person", Always: "mail reason", When: "The link or the code of a mail was not good, or there were too many wrong codes. Nothing changed.",
				Example: Event{Reason: "its link or code is not good, or not good any more"}},
			{Name: "session_revoked", By: "person client operator", Always: "sub sid client_id", May: "reason", When: "A session was ended by its client with a refresh token or session handle (RFC 7009), or by an operator: then `reason` is `operator`."},
			{Name: "token_revoked", By: "person client operator", Always: "", May: "sub sid client_id jti", When: "One access token was denied, by its client (then with the token's `sub`, `sid` and `client_id`) or by an operator (then with its `jti`).",
				Example: Event{Actor: Operator("grace"), TokenID: "0190b0e4-7e00-7000-8000-0000000000cc"}},
		}},
		{"What operators do", "", []Kind{
			{Name: "accounts_imported", By: "operator", Always: "count", When: "An operator imported accounts from a file; there is one event for each few hundred of them.",
				Example: Event{Count: 495}},
			{Name: "account_added", By: "person client operator system", Always: "sub", May: "provider", When: "An account was made. A new data folder of `wavepass local` has the actor `system`."},
			{Name: "invited", By: "operator", Always: "mail", When: "An invitation was ordered, for an address of nobody.",
				Example: Event{Mail: "invitation"}},
			{Name: "uninvited", By: "operator", Always: "mail", When: "The invitations of an address were withdrawn, if there were any.",
				Example: Event{Mail: "invitation"}},
			{Name: "account_disabled", By: "client operator", Always: "sub", When: "An account was disabled, and its sessions ended."},
			{Name: "account_closed", By: "person", Always: "sub client_id", May: "sid", When: "A person closed their account; `sid` is the session that they did it from, if it was not by their password at the page. All sessions ended, and it is removed 7 days later, unless they or an operator take it back: the table's time to live removes it, without an event."},
			{Name: "account_reopened", By: "person", Always: "sub mail", When: "A person kept their closed account, by the mail that told them.",
				Example: Event{Mail: "deletion"}},
			{Name: "account_enabled", By: "client operator", Always: "sub", When: "A disabled account was enabled."},
			{Name: "account_deleted", By: "operator", Always: "sub", When: "An account was deleted with all that was issued for it."},
			{Name: "account_revoked", By: "person client operator", Always: "sub", May: "provider", When: "All sessions of an account were ended."},
			{Name: "password_set", By: "operator", Always: "sub", When: "A password was set, and all sessions of the account ended."},
			{Name: "access_set", By: "person client operator", Always: "sub", May: "provider", When: "Roles, scopes or claims of an account were changed."},
			{Name: "email_set", By: "operator", Always: "sub", When: "The e-mail address of an account was replaced or taken away, and all of its sessions ended."},
			{Name: "client_added", By: "operator system", Always: "client_id", When: "A client was registered."},
			{Name: "client_changed", By: "operator", Always: "client_id reason", When: "Fields of a client, which `reason` names, were replaced. Another `kind` has ended its sessions.",
				Example: Event{Reason: "scopes audiences"}},
			{Name: "client_revoked", By: "operator", Always: "client_id", When: "All sessions of a client were ended."},
			{Name: "client_removed", By: "operator", Always: "client_id", When: "A client was taken out of the registry, and its sessions were ended."},
			{Name: "client_secret_rotated", By: "operator", Always: "client_id", When: "A server or service client got a new secret."},
			{Name: "policy_set", By: "operator", Always: "api", When: "The policy of an API was replaced."},
			{Name: "policy_removed", By: "operator", Always: "api", When: "The policy of an API was removed."},
			{Name: "provider_set", By: "operator", Always: "provider", When: "An identity provider was registered, or its definition replaced."},
			{Name: "provider_removed", By: "operator", Always: "provider", When: "An identity provider was taken out of the registry."},
			{Name: "resource_set", By: "operator", Always: "resource", When: "A protected resource was registered, or what is registered of it was changed."},
			{Name: "resource_removed", By: "operator", Always: "resource", When: "A protected resource was taken out of the registry."},
			{Name: "migrated", By: "operator", Always: "count", When: "`wavepass migrate` rewrote `count` items of an older form.",
				Example: Event{Count: 1200}},
		}},
		{"Keys", "", []Kind{
			{Name: "key_published", By: "operator system", Always: "kid", When: "A key is in the key set, and does not sign yet."},
			{Name: "key_promoted", By: "operator system", Always: "kid", When: "A key signs; a MAC key makes the refresh tokens of new sessions, or new links and codes in mails."},
			{Name: "key_retired", By: "operator system", Always: "kid", When: "A key verifies only."},
			{Name: "key_dropped", By: "operator system", Always: "kid", When: "A key was removed, because all of its tokens have expired.",
				Example: Event{KeyID: "mac:1"}},
			{Name: "key_revoked", By: "operator", Always: "kid", When: "A key was removed, and its tokens are refused."},
		}},
	}
}
