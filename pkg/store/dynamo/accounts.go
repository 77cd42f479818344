package dynamo

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/claims"
	"github.com/wavepass/wavepass/pkg/schema"
	"github.com/wavepass/wavepass/pkg/session"
)

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, id uuid.UUID) (account.Account, error) {
	defer s.readSchemaMeanwhile(ctx)()
	got, err := s.get(ctx, "read account", accountKey(id))
	if err != nil {
		return account.Account{}, err
	}
	return decodeAccount(got, id)
}

// LoginName implements account.Store.
func (s *Store) LoginName(ctx context.Context, username string) (account.LoginName, error) {
	got, err := s.get(ctx, "read login name", loginKey(username))
	if err != nil {
		return account.LoginName{}, err
	}
	return decodeLoginName(got)
}

// AccountAndLogin implements account.Store.
func (s *Store) AccountAndLogin(ctx context.Context, id uuid.UUID, username string) (account.Account, account.LoginName, error) {
	defer s.readSchemaMeanwhile(ctx)()
	got, err := s.getTogether(ctx, "read account and login name", accountKey(id), loginKey(username))
	if err != nil {
		return account.Account{}, account.LoginName{}, err
	}
	found, accountErr := decodeAccount(got[0], id)
	login, loginErr := decodeLoginName(got[1])
	if err := cmp.Or(accountErr, loginErr); err != nil {
		return account.Account{}, account.LoginName{}, err
	}
	return found, login, nil
}

func decodeAccount(it item, id uuid.UUID) (account.Account, error) {
	if len(it) == 0 {
		return account.Account{}, account.ErrNotFound
	}
	r := &reader{item: it}
	found := account.Account{
		ID:       id,
		Username: r.text("username"),
		Roles:    r.texts("roles"),
		Scopes:   r.texts("scopes"),
		Claims:   r.claims("claims"),
		Disabled: r.truth("disabled"),
		Epoch:    r.number("epoch"),
		Endings:  r.endings("endings"),
	}
	if r.has("email") {
		found.Email = r.email()
	}
	if r.has("remove_at") {
		found.RemoveAt = r.seconds("remove_at")
	}
	found.Held = r.held()
	if r.has("proof") {
		found.Proof = r.proof()
	}
	found.Identities = r.identities("identities")
	if r.has("subject") {
		found.Subject = account.Subject{Directory: r.text("directory"), ID: r.text("subject")}
	}
	if r.err != nil {
		return account.Account{}, unavailable("read account", r.err)
	}
	return found, nil
}

func decodeLoginName(it item) (account.LoginName, error) {
	if len(it) == 0 {
		return account.LoginName{}, account.ErrNotFound
	}
	r := &reader{item: it}
	found := account.LoginName{AccountID: r.id("account_id"), Hash: r.text("hash")}
	if r.err != nil {
		return account.LoginName{}, unavailable("read login name", r.err)
	}
	return found, nil
}

// encodeEndings keeps each ending as "<epoch> <reason>".
func encodeEndings(endings []account.Ending) types.AttributeValue {
	list := make([]string, len(endings))
	for i, e := range endings {
		list[i] = strconv.FormatInt(e.Epoch, 10) + " " + e.Reason
	}
	return texts(list)
}

func (r *reader) endings(name string) []account.Ending {
	var endings []account.Ending
	for _, encoded := range r.texts(name) {
		epoch, reason, _ := strings.Cut(encoded, " ")
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			r.fail(name)
			return nil
		}
		endings = append(endings, account.Ending{Epoch: n, Reason: reason})
	}
	return endings
}

// encodeProof keeps a proof as "<epoch> <digest>".
func encodeProof(p account.Proof) types.AttributeValue {
	return text(strconv.FormatInt(p.Epoch, 10) + " " + p.Digest)
}

func (r *reader) proof() account.Proof {
	epoch, digest, _ := strings.Cut(r.text("proof"), " ")
	n, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		r.fail("proof")
	}
	return account.Proof{Digest: digest, Epoch: n}
}

// claims returns none where there is no attribute. A text that is no claims fails here, because a token could not be made
// of it after a write.
func (r *reader) claims(name string) claims.Set {
	if !r.has(name) {
		return ""
	}
	set, err := claims.Parse(r.text(name))
	if err != nil {
		r.fail(name)
	}
	return set
}

// encodeIdentities keeps each identity as "<directory>/<id>": neither has a slash.
func encodeIdentities(identities []account.Subject) types.AttributeValue {
	list := make([]string, len(identities))
	for i, identity := range identities {
		list[i] = identity.String()
	}
	return texts(list)
}

func (r *reader) identities(name string) []account.Subject {
	if !r.has(name) {
		return nil
	}
	var all []account.Subject
	for _, encoded := range r.texts(name) {
		directory, id, _ := strings.Cut(encoded, "/")
		all = append(all, account.Subject{Directory: directory, ID: id})
	}
	return all
}

// CreateAccount implements account.Creator.
func (s *Store) CreateAccount(ctx context.Context, a account.Account, hash string) error {
	form, err := s.Schema(ctx)
	if err != nil {
		return err
	}
	writes := []types.TransactWriteItem{s.putNew(encodeAccount(a)), s.putNew(encodeLoginName(a, hash, form))}
	if a.Email.Address != "" {
		writes = append(writes, s.putNew(encodeAddress(a.Email.Address, a.ID)))
	}
	failed, err := s.transact(ctx, "create account", writes...)
	if err != nil || failed == nil {
		return err
	}
	// Our own write, seen by its repetition, has left a login name that leads to this account.
	if r := (&reader{item: failed[1].Item}); r.id("account_id") == a.ID && r.err == nil {
		return nil
	}
	if !failedCondition(failed[:2]) {
		return account.ErrAddressTaken
	}
	return account.ErrExists
}

func encodeAccount(a account.Account) item {
	it := accountKey(a.ID)
	it["username"] = text(a.Username)
	it["roles"] = texts(a.Roles)
	it["scopes"] = texts(a.Scopes)
	if a.Claims != "" {
		it["claims"] = text(string(a.Claims))
	}
	it["disabled"] = truth(a.Disabled)
	it["epoch"] = number(a.Epoch)
	if len(a.Endings) > 0 {
		it["endings"] = encodeEndings(a.Endings)
	}
	if a.Proof != (account.Proof{}) {
		it["proof"] = encodeProof(a.Proof)
	}
	if len(a.Identities) > 0 {
		it["identities"] = encodeIdentities(a.Identities)
	}
	if a.Email.Address != "" {
		it["email"], it["email_verified_at"] = text(a.Email.Address), verifiedAt(a.Email)
	}
	if len(a.Held) > 0 {
		it["held"] = encodeHeld(a.Held)
	}
	if a.Subject != (account.Subject{}) {
		it["directory"], it["subject"] = text(a.Subject.Directory), text(a.Subject.ID)
	}
	return it
}

// encodeLoginName writes the epoch too where functions of the version before may read it.
func encodeLoginName(a account.Account, hash string, form int) item {
	it := loginKey(a.Username)
	it["account_id"] = text(a.ID.String())
	it["hash"] = text(hash)
	if form == schema.First {
		it["epoch"] = number(a.Epoch)
	}
	return it
}

// Rehash implements account.Rehasher. It is a transaction of one write, because no function may write to a login name outside one.
func (s *Store) Rehash(ctx context.Context, username, from, to string) error {
	failed, err := s.transact(ctx, "rehash", types.TransactWriteItem{Update: &types.Update{
		TableName:                 &s.table,
		Key:                       loginKey(username),
		ConditionExpression:       aws.String("#hash = :old"),
		UpdateExpression:          aws.String("SET #hash = :hash"),
		ExpressionAttributeNames:  hashName,
		ExpressionAttributeValues: item{":old": text(from), ":hash": text(to)},
	}})
	if err == nil && failed != nil {
		err = account.ErrConflict
	}
	return err
}

// ChangeAccount implements account.Changer.
func (s *Store) ChangeAccount(ctx context.Context, c account.Change) error {
	return s.changeAccount(ctx, "change account", c)
}

// changeAccount makes a change in one transaction with more writes, which have no condition.
func (s *Store) changeAccount(ctx context.Context, op string, c account.Change, more ...types.TransactWriteItem) error {
	form, err := s.Schema(ctx)
	if err != nil {
		return err
	}
	writes := []types.TransactWriteItem{s.raiseEpoch(c)}
	failures := []error{account.ErrConflict} // what it means when the condition of that write fails
	switch {
	case c.OldUsername != "":
		writes = append(writes, s.deleteLoginName(c.OldUsername, c.OldHash), s.takeLoginName(c, form))
		failures = append(failures, account.ErrConflict, account.ErrExists)
	case c.Hash != "" || (c.Remove != nil || form == schema.First) && c.Account.Username != "":
		writes, failures = append(writes, s.changeLoginName(c, form)), append(failures, account.ErrConflict)
	}
	if c.Email != nil {
		moves, refusals := s.moveAddress(c)
		writes, failures = append(writes, moves...), append(failures, refusals...)
	}
	for _, leads := range s.whatLeadsTo(c) {
		writes, failures = append(writes, leads), append(failures, account.ErrConflict)
	}
	if c.Keep != uuid.Nil {
		writes, failures = append(writes, s.keepSession(c)), append(failures, account.ErrNotKept)
	}
	writes = append(writes, s.setAll(s.encodeEntry(c.Entry)))
	if c.Unlink {
		writes = append(writes, s.deleteIdentities(c.OldIdentities)...)
	}
	failed, err := s.transact(ctx, op, append(writes, more...)...)
	return changed(failed, failures, err)
}

// changed is the result of a transaction whose first write is of an account and asks for the item.
func changed(failed []types.CancellationReason, failures []error, err error) error {
	if err != nil || failed == nil {
		return err
	}
	if failedCondition(failed[:1]) && len(failed[0].Item) == 0 {
		return account.ErrNotFound
	}
	for i, failure := range failures {
		if failedCondition(failed[i : i+1]) {
			return failure
		}
	}
	return nil
}

// raiseEpoch is the part of a transaction that changes an account. It fails with the account as it is when its epoch
// is another.
func (s *Store) raiseEpoch(c account.Change) types.TransactWriteItem {
	update := &types.Update{
		TableName:           &s.table,
		Key:                 accountKey(c.Account.ID),
		ConditionExpression: aws.String("epoch = :from"),
		UpdateExpression:    aws.String("SET epoch = :to, endings = :endings"),
		ExpressionAttributeValues: item{
			":from":    number(c.From),
			":to":      number(c.Account.Epoch),
			":endings": encodeEndings(c.Account.Endings),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	// The rest is left out where a change does not have it: most functions may not write it.
	set := func(attribute, value string, v types.AttributeValue) {
		update.UpdateExpression = aws.String(*update.UpdateExpression + ", " + attribute + " = " + value)
		update.ExpressionAttributeValues[value] = v
	}
	if c.Account.Proof.Epoch == c.Account.Epoch {
		set("proof", ":proof", encodeProof(c.Account.Proof))
	}
	if c.Disable != nil {
		set("disabled", ":disabled", truth(*c.Disable))
	}
	if c.Unlink {
		update.ConditionExpression = aws.String(*update.ConditionExpression + " AND " + identitiesAre(c.OldIdentities, update.ExpressionAttributeValues))
		set("identities", ":none", encodeIdentities(nil))
	}
	if c.OldUsername != "" {
		set("username", ":username", text(c.Account.Username))
	}
	if c.Remove != nil {
		update.ConditionExpression = aws.String(*update.ConditionExpression + " AND " + identitiesAre(c.OldIdentities, update.ExpressionAttributeValues))
		if c.Remove.IsZero() {
			defer func() { update.UpdateExpression = aws.String(*update.UpdateExpression + " REMOVE remove_at, " + ttl) }()
		} else {
			set("remove_at", ":remove", seconds(*c.Remove))
			set(ttl, ":ttl", seconds(c.Remove.Add(removalSlack)))
		}
	}
	if c.Email != nil {
		set("email", ":email", text(c.Email.Address))
		set("email_verified_at", ":verified", verifiedAt(*c.Email))
		set("held", ":held", encodeHeld(c.Account.Held))
	}
	return types.TransactWriteItem{Update: update}
}

// identitiesAre is the condition that an account has these identities, whose value it adds to values. An account that never had any lacks the attribute.
func identitiesAre(read []account.Subject, values item) string {
	values[":identities"] = encodeIdentities(read)
	if len(read) == 0 {
		return "(identities = :identities OR attribute_not_exists(identities))"
	}
	return "identities = :identities"
}

// changeLoginName is the part of a transaction that replaces the hash of a login name, if the change has one. While
// functions of the version before may read it, it repeats the epoch as well.
func (s *Store) changeLoginName(c account.Change, form int) types.TransactWriteItem {
	update := &types.Update{
		TableName:                 &s.table,
		Key:                       loginKey(c.Account.Username),
		ExpressionAttributeValues: item{},
	}
	var sets, conditions []string
	if form == schema.First {
		sets, conditions = append(sets, "epoch = :to"), append(conditions, "attribute_exists(pk)")
		update.ExpressionAttributeValues[":to"] = number(c.Account.Epoch)
	}
	if c.Hash != "" {
		sets, conditions = append(sets, "#hash = :hash"), append(conditions, "#hash = :old")
		update.ExpressionAttributeNames = hashName
		update.ExpressionAttributeValues[":hash"] = text(c.Hash)
		update.ExpressionAttributeValues[":old"] = text(c.OldHash)
	}
	expression := ""
	if c.Remove != nil {
		conditions = append(conditions, "attribute_exists(pk)") // that it is the account's follows from the epoch
		if c.Remove.IsZero() {
			expression = " REMOVE " + ttl
		} else {
			sets = append(sets, ttl+" = :ttl")
			update.ExpressionAttributeValues[":ttl"] = seconds(c.Remove.Add(removalSlack))
		}
	}
	if len(sets) > 0 {
		expression = "SET " + strings.Join(sets, ", ") + expression
	}
	if len(update.ExpressionAttributeValues) == 0 {
		update.ExpressionAttributeValues = nil
	}
	update.UpdateExpression = aws.String(strings.TrimSpace(expression))
	update.ConditionExpression = aws.String(strings.Join(conditions, " AND "))
	return types.TransactWriteItem{Update: update}
}

// removalSlack is how long after its time the TTL takes an account: one that is reopened at the last moment loses nothing.
const removalSlack = time.Hour

// goingWith has the TTL remove an item that leads to an account with the account, if that is closed.
func goingWith(a account.Account, it item) item {
	if !a.RemoveAt.IsZero() {
		it[ttl] = seconds(a.RemoveAt.Add(removalSlack))
	}
	return it
}

// whatLeadsTo is the parts of a change with Remove about what leads to the account beside its login name: its address, and the records of its
// subject and its identities. The table's TTL removes them, so no function needs the right to delete an account.
func (s *Store) whatLeadsTo(c account.Change) (writes []types.TransactWriteItem) {
	if c.Remove == nil {
		return nil
	}
	var keys []item
	if c.OldEmail != "" && (c.Email == nil || c.Email.Address == c.OldEmail) { // else it is deleted
		keys = append(keys, addressKey(c.OldEmail))
	}
	subjects := []account.Subject{c.Account.Subject}
	if !c.Unlink { // else they are deleted
		subjects = append(subjects, c.OldIdentities...)
	}
	for _, subject := range subjects {
		if subject != (account.Subject{}) {
			keys = append(keys, subjectKey(subject))
		}
	}
	for _, key := range keys {
		update := &types.Update{
			TableName: &s.table, Key: key,
			ConditionExpression: aws.String("attribute_exists(pk)"), // that it is the account's follows from its epoch and identities
			UpdateExpression:    aws.String("REMOVE " + ttl),
		}
		if !c.Remove.IsZero() {
			update.UpdateExpression, update.ExpressionAttributeValues = aws.String("SET "+ttl+" = :ttl"), item{":ttl": seconds(c.Remove.Add(removalSlack))}
		}
		writes = append(writes, types.TransactWriteItem{Update: update})
	}
	return writes
}

const (
	forgetPages  = 10 // of sessions
	forgetPage   = 100
	forgetAtOnce = 16
)

// Forget implements account.Forgetter. It reads a thousand sessions, the youngest first.
func (s *Store) Forget(ctx context.Context, id uuid.UUID, at time.Time) error {
	keys, err := s.lastingConsents(ctx, id)
	before := uuid.Nil
	for range forgetPages {
		if err != nil {
			return err
		}
		var page session.Page
		page, err = s.SessionsOf(ctx, id, before, forgetPage)
		for _, one := range page.Sessions {
			keys = append(keys, sessionKey(id, one.ID))
		}
		if before = page.Next; before == uuid.Nil {
			break
		}
	}
	if err != nil {
		return err
	}
	return s.endAt(ctx, keys, at)
}

// ForgetConsents implements account.Forgetter.
func (s *Store) ForgetConsents(ctx context.Context, id uuid.UUID, at time.Time) error {
	keys, err := s.lastingConsents(ctx, id)
	if err != nil {
		return err
	}
	return s.endAt(ctx, keys, at)
}

// lastingConsents are the keys of the consents of an account that have no end yet.
func (s *Store) lastingConsents(ctx context.Context, id uuid.UUID) (keys []item, err error) {
	err = s.eachOf(ctx, "forget", dynamodb.QueryInput{}, text(consentPartition(id)), func(it item) error {
		if _, ends := it[ttl]; !ends {
			keys = append(keys, item{partitionKey: it[partitionKey], sortKey: it[sortKey]})
		}
		return nil
	})
	return keys, err
}

// endAt has the TTL remove items at a time, those that it would remove later.
func (s *Store) endAt(ctx context.Context, keys []item, at time.Time) error {
	errs, places := make([]error, len(keys)), make(chan struct{}, forgetAtOnce)
	var wg sync.WaitGroup
	for i, key := range keys {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			// A condition that fails leaves what is gone, or goes earlier.
			_, errs[i] = s.updateBlind(ctx, "forget", dynamodb.UpdateItemInput{
				Key:                       key,
				ConditionExpression:       aws.String("attribute_exists(pk) AND (attribute_not_exists(" + ttl + ") OR " + ttl + " > :ttl)"),
				UpdateExpression:          aws.String("SET " + ttl + " = :ttl"),
				ExpressionAttributeValues: item{":ttl": seconds(at)},
			})
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// hash is a reserved word of DynamoDB's expressions.
var hashName = map[string]string{"#hash": "hash"}

// keepSession is the part of a transaction that gives the session that a change keeps the new epoch.
func (s *Store) keepSession(c account.Change) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.table,
		Key:       sessionKey(c.Account.ID, c.Keep),
		// False too when there is no session. The time to live is the earlier of the expiries: they are not named,
		// because a function may write what it may name.
		ConditionExpression: aws.String("epoch >= :from AND attribute_not_exists(revoked_at) AND " + ttl + " > :now"),
		UpdateExpression:    aws.String("SET epoch = :to"),
		ExpressionAttributeValues: item{
			":from": number(c.From),
			":to":   number(c.Account.Epoch),
			":now":  seconds(c.Entry.At), // expiries are whole seconds: the fraction decides nothing
		},
	}}
}

// SetAccess implements account.Keeper.
func (s *Store) SetAccess(ctx context.Context, id uuid.UUID, read, access account.Access) error {
	asRead := "#roles = :read_roles AND scopes = :read_scopes AND claims = :read_claims"
	if read.Claims == "" { // an account that never had any lacks the attribute
		asRead = "#roles = :read_roles AND scopes = :read_scopes AND (claims = :read_claims OR attribute_not_exists(claims))"
	}
	found, ok, err := s.update(ctx, "set access", dynamodb.UpdateItemInput{
		Key:                      accountKey(id),
		ConditionExpression:      aws.String("attribute_exists(pk) AND " + asRead),
		UpdateExpression:         aws.String("SET #roles = :roles, scopes = :scopes, claims = :claims"),
		ExpressionAttributeNames: map[string]string{"#roles": "roles"},
		ExpressionAttributeValues: item{
			":roles":  texts(access.Roles),
			":scopes": texts(access.Scopes),
			":claims": text(string(access.Claims)),

			":read_roles":  texts(read.Roles),
			":read_scopes": texts(read.Scopes),
			":read_claims": text(string(read.Claims)),
		},
	})
	if err != nil || ok {
		return err
	}
	now, err := decodeAccount(found, id)
	if err == nil && !now.Access().Equal(access) { // else this very write was made before and its answer was lost
		err = account.ErrConflict
	}
	return err
}

// DeleteAccount implements account.Keeper.
func (s *Store) DeleteAccount(ctx context.Context, c account.Change) error {
	name := types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: subjectKey(c.Account.Subject)}}
	if c.Account.Username != "" {
		name = s.deleteLoginName(c.Account.Username, c.OldHash)
	}
	values := item{":from": number(c.From)}
	writes := []types.TransactWriteItem{
		{Delete: &types.Delete{
			TableName:                           &s.table,
			Key:                                 accountKey(c.Account.ID),
			ConditionExpression:                 aws.String("epoch = :from AND " + identitiesAre(c.Account.Identities, values)),
			ExpressionAttributeValues:           values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		name,
		s.setAll(s.encodeEntry(c.Entry)),
	}
	if c.OldEmail != "" {
		writes = append(writes, s.deleteAddress(c.OldEmail))
	}
	failed, err := s.transact(ctx, "delete account", append(writes, s.deleteIdentities(c.Account.Identities)...)...)
	return changed(failed, []error{account.ErrConflict, account.ErrConflict}, err)
}

// deleteIdentities are the parts of a transaction that remove the records of identities.
func (s *Store) deleteIdentities(identities []account.Subject) (writes []types.TransactWriteItem) {
	for _, identity := range identities {
		writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: subjectKey(identity)}})
	}
	return writes
}

// putNew is a part of a transaction that fails with the item that is already there.
func (s *Store) putNew(it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                           &s.table,
		Item:                                it,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}
