package check

import "github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"

// one is a check: what it is called, why it matters, and how it judges what the walk saw.
type one struct {
	id, title string
	asvs      []string // requirements of OWASP ASVS 5.0.0; none where it has no such requirement
	why, mend string
	run       func(*evidence) verdict.Outcome
}

// table is every check, in the order of the report.
var table = []one{
	{"tls.https", "The service is reached by https", []string{"V12.2.1"},
		"By http everybody on the way reads passwords, cookies and tokens.", "Serve https alone.", usesTLS},
	{"tls.version", "Old TLS is refused", []string{"V12.1.1"},
		"TLS 1.0 and 1.1 have known weaknesses.", "Accept TLS 1.2 and 1.3 alone.", speaksNewTLS},
	{"tls.hsts", "Browsers are told to use https", []string{"V3.4.1"},
		"Without it the first request of a visit may go by http, where it can be taken over.",
		"Answer with Strict-Transport-Security: max-age=63072000; includeSubDomains.", hasHSTS},
	{"header.nosniff", "Browsers do not guess types", []string{"V3.4.4"},
		"A browser that guesses may run as a script what was meant as data.", "Answer with X-Content-Type-Options: nosniff.", hasNoSniff},

	{"cookie.secure", "The session's cookie is Secure", []string{"V3.3.1"},
		"A cookie without Secure goes out by http too.", "Set Secure.", ofSession(cookieIsSecure)},
	{"cookie.httponly", "Scripts cannot read the session's cookie", []string{"V3.3.4"},
		"A script that was smuggled into a page could take the session away with it.", "Set HttpOnly.", ofSession(cookieIsHTTPOnly)},
	{"cookie.samesite", "Other sites' requests do not carry the cookie", []string{"V3.3.2"},
		"Otherwise every page can act in the name of its visitors.", "Set SameSite=Strict, or Lax where links from elsewhere must arrive signed in.", ofSession(cookieIsSameSite)},
	{"cookie.prefix", "The cookie's name has a prefix", []string{"V3.3.1", "V3.3.3"},
		"Without one, another host of the domain can plant a cookie of this name.", "Call it __Host-…, with Secure, Path=/ and no Domain.", ofSession(cookieHasPrefix)},
	{"cookie.scope", "The cookie stays at its host", []string{"V3.3.3"},
		"With a Domain every host below it gets the session.", "Leave Domain out.", ofSession(cookieHasScope)},
	{"cookie.lifetime", "The cookie ends", []string{"V7.3.2"},
		"A cookie that is kept for years is found on lost and sold devices.", "Let it end with the session it belongs to.", ofSession(cookieLifetime)},
	{"cookie.size", "Browsers store the cookie", []string{"V3.3.5"},
		"Browsers drop a cookie of more than 4096 bytes, and people cannot stay signed in.", "Keep an id in it, and the data at the server.", ofSession(cookieSize)},
	{"cookie.entropy", "The session's id cannot be guessed", []string{"V7.2.3"},
		"Who guesses an id is signed in as somebody else.", "Take 128 bits or more from a secure random generator.", ofSession(cookieEntropy)},
	{"cookie.others", "Other cookies of the login are Secure", []string{"V3.3.1"},
		"What is sent by http is read and changed there.", "Set Secure.", otherCookies},

	{"session.fixation", "A login begins a new session", []string{"V7.2.4"},
		"Who plants an id before the login would be signed in with the person.", "Make a new id at each login, and accept none that the service did not make.", idIsNew},
	{"cache.login", "The login's answer is not kept", []string{"V14.3.2"},
		"Caches would hand the cookie or the tokens to somebody else.", "Answer with Cache-Control: no-store.", loginIsNotCached},
	{"cache.page", "What only the person sees is not kept", []string{"V14.2.2", "V14.3.2"},
		"Caches would show it to others, and the back button after the logout.", "Answer with Cache-Control: no-store.", pageIsNotCached},
	{"cors.origin", "Pages of other origins read nothing", []string{"V3.4.2"},
		"A page that may read answers with cookies reads everything that its visitor can.", "Compare Origin with a list, exactly; never send it back as it came.", originsAreRefused},
	{"csrf.login", "Other sites cannot log people in", []string{"V3.5.1", "V3.5.2"},
		"People would put their data into an account of the attacker's.", "Refuse a login whose Origin is another site's.",
		byOtherSite("takes such a login", func(e *evidence) *bool { return e.loginByPage })},
	{"csrf.logout", "Other sites cannot change anything", []string{"V3.5.1", "V3.5.2"},
		"The logout stands for all that changes something.", "Refuse requests whose Origin is another site's.",
		byOtherSite("takes such a logout", logoutOf(func(l *loggedOut) *bool { return l.byOtherSite }))},
	{"csrf.get", "Following a link changes nothing", []string{"V3.5.3"},
		"Links and images are followed from everywhere, with the cookie.", "Change by POST, PUT, PATCH or DELETE alone.", followingLinks},

	{"discovery.issuer", "The metadata is this host's", []string{"V10.5.3"},
		"Clients compare the issuer exactly, so that no other server passes for this one.", "Publish the issuer that tokens have.", documents(issuerIsHere)},
	{"discovery.https", "The metadata names https addresses", []string{"V12.2.1"},
		"Clients send secrets to the addresses they find there.", "Publish https addresses.", documents(endpointsUseTLS)},
	{"discovery.agree", "The two documents agree", nil,
		"Clients read one or the other (RFC 8414, OpenID Connect Discovery), and must do the same.", "Make both from one source.", documentsAgree},
	{"discovery.grants", "No grant that is given up", []string{"V10.4.4"},
		"Passwords belong to the service's own pages, and tokens do not belong into addresses.", "Switch the grants password and implicit off.", documents(grantsAreNew)},
	{"discovery.pkce", "PKCE with S256", []string{"V10.4.6"},
		"Without it a code that is read on its way can be used.", "Require S256, and refuse plain.", documents(pkceIsOffered)},
	{"discovery.none", "Unsigned tokens are not offered", []string{"V9.1.2"},
		"Who accepts alg none accepts what anybody has written.", "Leave none out.", documents(algorithmsAreListed)},

	{"jwks.private", "No private key is published", []string{"V13.3.1"},
		"Everybody could sign tokens.", "Publish the public members alone, and replace this key at once.", ofKeys(keyIsPublic)},
	{"jwks.algorithm", "Keys are asymmetric, and say their algorithm", []string{"V9.1.2"},
		"A key without its algorithm invites verifiers to take that of the token.", "Publish alg with each key.", ofKeys(keyAlgorithm)},
	{"jwks.size", "Keys are large enough", []string{"V11.2.3"},
		"Small keys can be computed.", "Take P-256, Ed25519, or RSA of 3072 bits.", ofKeys(keySize)},
	{"jwks.kid", "Each key has its own id", nil,
		"Verifiers choose the key by kid (RFC 7515 §4.1.4).", "Give each key a kid of its own, for example its thumbprint.", keyIDs},
	{"jwks.overlap", "Keys can be replaced", []string{"V11.2.2"},
		"A key that is known too late refuses good tokens; one that is kept too long accepts a thief's.", "Publish the next key before it signs, and let caches keep the set for a day at most.", keysOverlap},

	{"token.algorithm", "Access tokens are signed by a private key", []string{"V9.1.1", "V9.1.2"},
		"Only the issuer must be able to make them.", "Sign by ES256, EdDSA or RS256.", ofToken(tokenAlgorithm)},
	{"token.source", "Access tokens name no source of keys", []string{"V9.1.3"},
		"Who follows it verifies with the attacker's key.", "Send kid alone.", ofToken(tokenNamesNoKeySource)},
	{"token.type", "Access tokens say what they are", []string{"V9.2.2"},
		"An ID token must not open an API.", "Set typ to at+jwt (RFC 9068).", ofToken(tokenType)},
	{"token.lifetime", "Access tokens live shortly", []string{"V9.2.1"},
		"A stolen one is good for as long.", "An hour at most, better 15 minutes.", ofToken(tokenLife)},
	{"token.audience", "Access tokens say whom they are for", []string{"V9.2.3", "V9.2.4"},
		"One service could use it at another.", "Set aud.", ofToken(tokenAudience)},
	{"token.personal", "Access tokens hold no personal data", []string{"V14.2.6"},
		"They are readable by everybody, and end up in logs.", "Put it into the ID token or /userinfo.", ofToken(tokenIsNotPersonal)},
	{"token.size", "Access tokens fit into a header", nil,
		"Gateways and servers refuse long headers, and people are locked out.", "Leave out what is looked up just as well.", ofToken(tokenSize)},
	{"token.key", "The key of access tokens is published", []string{"V9.1.3"},
		"Otherwise no service can verify them.", "Publish the key before it signs.", ofToken(tokenKey)},

	{"refresh.rotation", "Refresh tokens are replaced", []string{"V10.4.5"},
		"A copy of one that never changes is never noticed.", "Give a new one with each refresh, or bind it to a key of the client.", ofRefresh(refreshRotates)},
	{"refresh.grace", "A replaced refresh token is refused soon", []string{"V10.4.5"},
		"While it is answered, a thief may use it.", "A minute is enough for lost answers.", ofRefresh(graceIsShort)},
	{"refresh.reuse", "Reuse ends the session", []string{"V10.4.5"},
		"An old token that comes back means that there are two holders.", "End the session with all of its tokens.", ofRefresh(reuseEndsSession)},

	{"logout.session", "The logout ends the session", []string{"V7.4.1"},
		"A copied cookie would go on working.", "End the session at the server.", ofLogout(logoutEndsSession)},
	{"logout.cookie", "The logout deletes the cookie", []string{"V14.3.1"},
		"What is left in the browser tells others who was there.", "Delete the cookie in the answer, with its own Path and Domain.", ofLogout(logoutClearsCookie)},
	{"logout.token", "The logout ends access tokens", []string{"V7.4.1"},
		"A stolen one opens everything until it expires.", "Ask a denylist, or let them live for minutes.", ofLogout(logoutEndsToken)},
}

// followingLinks is stricter than its neighbours: SameSite=Lax lets links from elsewhere carry the cookie.
func followingLinks(e *evidence) verdict.Outcome {
	o := byOtherSite("ends a session by GET", logoutOf(func(l *loggedOut) *bool { return l.byGET }))(e)
	if o.Verdict == verdict.Warn {
		return verdict.Failed("a GET ends the session")
	}
	return o
}
