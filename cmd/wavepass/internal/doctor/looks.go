package doctor

import (
	"context"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
)

// look is one thing that is looked at, with what people are told of it.
type look struct {
	id, title, why, mend string
	look                 func(*patient, context.Context) verdict.Outcome
}

// looks are in the order of the report. That of permissions is the last, because it sums up the others.
var looks = []look{
	{"clock", "this machine's clock agrees with the table's", "Revocations are stamped by the clock of the machine that writes them; a stamp that is off is overlooked, or hides others.",
		"Set the clock of this machine right before you change anything.", (*patient).clock},
	{"table-key", "the table has the key that Wavepass reads and writes by", "No function can read a table with another key.",
		"Name the table that template.yaml has made: the stack's output TableName.", (*patient).tableKey},
	{"table-ttl", "expired items are deleted", "Sessions, denylist and counters of attempts stay for ever, and each read of the denylist costs more.",
		"aws dynamodb update-time-to-live --table-name TABLE --time-to-live-specification Enabled=true,AttributeName=expires_at", (*patient).timeToLive},
	{"table-recovery", "the table can be set back to any second of the last weeks", "After a mistake or an attack there is nothing to restore from.",
		"aws dynamodb update-continuous-backups --table-name TABLE --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true", (*patient).recovery},
	{"table-deletion", "the table is protected from being deleted", "One wrong call deletes accounts and keys.",
		"aws dynamodb update-table --table-name TABLE --deletion-protection-enabled", (*patient).deletionProtection},
	{"table-stream", "the stream fits the mails", "Without a stream no mail is sent. A stream of whole items hands password hashes and sealed keys to its readers.",
		"Deploy the stack again; after a restore, set the stream to KEYS_ONLY as template.yaml says and point the mailer to it.", (*patient).stream},
	{"schema", "the table has the form of this version", "An older form lacks what this version relies on; a newer one is understood by newer versions only.",
		"Older: deploy, then run wavepass migrate. Newer: use that version.", (*patient).schemaNumber},
	{"keys", "no change of a key is due", "An old key that leaks opens more. A missing next key delays a rotation in an emergency.",
		"See whether the schedule calls the function rotatekeys, and docs/operations.md, \"Keys are not rotated\".", (*patient).rotation},
	{"sealing-key", "the sealing key opens the keys", "Functions that start can sign nothing: nobody logs in or refreshes.",
		"Enable the key in KMS, or cancel its deletion. If it is another one, put the right one into SEALING_KEY of the functions.", (*patient).sealingKey},
	{"clients", "every client can be read", "People cannot log in with a client whose record is unreadable.",
		"wavepass client apply with the file that has your clients.", (*patient).clients},
	{"client-origins", "pages of browser clients are on the site of the service", "A browser sends the cookies of the session to its own site alone. Pages of this machine may be anybody's program.",
		"Serve the pages below the same domain as the service, or remove the origin: wavepass client apply.", (*patient).origins},
	{"policies", "every policy can be read", "Every request to the API of an unreadable policy is refused.",
		"wavepass policy show prints it, wavepass policy apply replaces it.", (*patient).policies},
	{"demo-account", "the demo account is not there", "Everybody knows its password.", "wavepass account delete, with the name that is shown.", (*patient).demoAccount},
	{"functions", "every function runs, and its settings are valid", "A function with a setting that is wrong does not start, and all its routes are answered 500.",
		"Correct the parameter of the stack that the setting comes from (docs/configuration.md), and deploy.", (*patient).functionSettings},
	{"shards", "all functions have the same REVOCATION_SHARDS", "Functions with fewer shards overlook what others write to the denylist: tokens that were taken back are accepted.",
		"Deploy the stack with Deployment=AllAtOnce (docs/revocation.md).", (*patient).shards},
	{"denylist", "nothing is in a shard that functions do not read", "Tokens that were taken back there are accepted until they expire.",
		"Set RevocationShards back to the number that it had, for an hour at least (docs/revocation.md).", (*patient).denylist},
	{"settings", "all functions have the same settings", "What one function issues, another refuses.",
		"Deploy the stack again; do not change settings of single functions by hand.", (*patient).agreement},
	{"versions", "what runs is what was deployed last", "A deployment goes on, or an alarm has taken it back.",
		"Look at CodeDeploy and at the alarms (docs/deploy.md).", (*patient).versions},
	{"cookie-domain", "COOKIE_DOMAIN is above the host of the service, and one's own", "A browser drops a cookie for a domain that its host is not below, or that is open to everybody: nobody stays logged in.",
		"Set CookieDomain to a domain of yours above the host of Issuer, or leave it empty, and deploy.", (*patient).cookieDomain},
	{"issuer", "the address is the issuer", "Applications and resource servers look for the keys at the issuer, and refuse tokens of another.",
		"Set Issuer to https:// and DomainName, and deploy.", (*patient).issuer},
	{"key-set", "the address serves the keys of the table", "Others refuse tokens of a key that they cannot fetch. Where another table's are served, the address leads to another deployment.",
		"See whether the address leads to this stack; a function that has just started knows a new key within minutes.", (*patient).keySet},
	{"permissions", "these credentials may look at everything", "What could not be looked at may be wrong.",
		"Repeat the command with a role that may do what is named; it needs to read only.", (*patient).permissions},
}
