package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/policy"
	"github.com/wavepass/wavepass/pkg/schema"
)

// tolerance is how far this machine's clock may be off, as for every command that changes something.
const tolerance = 5 * time.Second

func (p *patient) clock(ctx context.Context) verdict.Outcome {
	if p.Clock == nil {
		return verdict.Unseen("%s", errOnThisMachine)
	}
	ahead, err := p.Clock(ctx)
	switch {
	case err != nil:
		return verdict.Unseen("%s", err)
	case ahead.Abs() > tolerance:
		return verdict.Failed("it is off by %s", ahead.Round(time.Second))
	}
	return verdict.Passed("to within %s", tolerance)
}

func (p *patient) tableKey(context.Context) verdict.Outcome {
	if p.tableErr != nil {
		return p.unseen("dynamodb:DescribeTable", p.tableErr)
	}
	var parts []string
	for _, k := range p.table.KeySchema {
		parts = append(parts, aws.ToString(k.AttributeName)+" "+string(k.KeyType))
	}
	if got := strings.Join(parts, ", "); got != "pk HASH, sk RANGE" {
		return verdict.Failed("its key is %s, and not pk HASH, sk RANGE", got)
	}
	return verdict.Passed("pk and sk")
}

func (p *patient) timeToLive(ctx context.Context) verdict.Outcome {
	if p.API == nil {
		return verdict.Unseen("%s", errOnThisMachine)
	}
	out, err := p.API.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &p.Table})
	if err != nil {
		return p.unseen("dynamodb:DescribeTimeToLive", err)
	}
	d := out.TimeToLiveDescription
	switch {
	case d == nil || d.TimeToLiveStatus == types.TimeToLiveStatusDisabled || d.TimeToLiveStatus == types.TimeToLiveStatusDisabling:
		return verdict.Failed("time to live is off")
	case aws.ToString(d.AttributeName) != "expires_at":
		return verdict.Failed("time to live looks at %s, and not at expires_at", aws.ToString(d.AttributeName))
	}
	return verdict.Passed("time to live is on")
}

func (p *patient) recovery(ctx context.Context) verdict.Outcome {
	if p.API == nil {
		return verdict.Unseen("%s", errOnThisMachine)
	}
	out, err := p.API.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &p.Table})
	if err != nil {
		return p.unseen("dynamodb:DescribeContinuousBackups", err)
	}
	if d := out.ContinuousBackupsDescription; d == nil || d.PointInTimeRecoveryDescription == nil ||
		d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != types.PointInTimeRecoveryStatusEnabled {
		return verdict.Failed("point-in-time recovery is off")
	}
	return verdict.Passed("point-in-time recovery is on")
}

func (p *patient) deletionProtection(context.Context) verdict.Outcome {
	switch {
	case p.tableErr != nil:
		return p.unseen("dynamodb:DescribeTable", p.tableErr)
	case !aws.ToBool(p.table.DeletionProtectionEnabled):
		return verdict.Warned("deletion protection is off")
	}
	return verdict.Passed("deletion protection is on")
}

func (p *patient) stream(context.Context) verdict.Outcome {
	if p.tableErr != nil {
		return p.unseen("dynamodb:DescribeTable", p.tableErr)
	}
	view := types.StreamViewType("")
	if s := p.table.StreamSpecification; s != nil && aws.ToBool(s.StreamEnabled) {
		view = s.StreamViewType
	}
	mails := slices.ContainsFunc(p.functions, func(f Function) bool { return f.Settings["MAIL_FROM"] != "" })
	switch {
	case view != "" && view != types.StreamViewTypeKeysOnly:
		return verdict.Failed("the stream has %s, and not the keys alone", view)
	case mails && view == "":
		return verdict.Failed("mails are to be sent, and the table has no stream")
	case p.funcErr != nil && view == "":
		return verdict.Unseen("there is no stream; whether mails are to be sent is not known")
	case p.funcErr == nil && !mails && view != "":
		return verdict.Warned("there is a stream, and no function sends mails")
	}
	return verdict.Passed("%s", map[bool]string{true: "a stream of keys alone", false: "no stream, and no mails"}[view != ""])
}

func (p *patient) schemaNumber(ctx context.Context) verdict.Outcome {
	number, err := p.number(ctx)
	switch {
	case errors.Is(err, schema.ErrNewer):
		return verdict.Failed("%s", err)
	case err != nil:
		return p.unseen("dynamodb:GetItem", err)
	case number > schema.Current:
		return verdict.Failed("its number is %d, and this version knows numbers up to %d", number, schema.Current)
	case errors.Is(p.keysErr, keyring.ErrMissing):
		return verdict.Unseen("nobody has used the deployment yet")
	case number < schema.Current:
		return verdict.Failed("its number is %d, and that of this version is %d", number, schema.Current)
	}
	return verdict.Passed("number %d", number)
}

// number reads it from the table itself: a store takes a number that it cannot read for the oldest.
func (p *patient) number(ctx context.Context) (int, error) {
	if p.API == nil {
		return p.Store.Schema(ctx)
	}
	at := &types.AttributeValueMemberS{Value: "SCHEMA"}
	out, err := p.API.GetItem(ctx, &dynamodb.GetItemInput{TableName: &p.Table, Key: map[string]types.AttributeValue{"pk": at, "sk": at}, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return 0, err
	}
	n, ok := out.Item["number"].(*types.AttributeValueMemberN)
	if !ok {
		return schema.First, nil // older than the number itself
	}
	return strconv.Atoi(n.Value)
}

func (p *patient) readKeys(ctx context.Context) {
	times := keyring.Times{}
	if cfg, ok := p.config("KEY_PERIOD"); ok {
		times = endpoint.KeyTimes(cfg)
	}
	ring := keyring.New(keyring.Config{Store: p.Store, Sealer: noSealer{}, Algorithm: keyring.ES256, Times: times, Now: p.Now})
	p.keys, p.keysErr = ring.List(ctx)
}

// The schedule calls once in an hour; RotationAlarm sounds after three.
const (
	lateKey     = time.Hour
	veryLateKey = 3 * time.Hour
)

func (p *patient) rotation(context.Context) verdict.Outcome {
	switch {
	case errors.Is(p.keysErr, keyring.ErrMissing):
		return verdict.Warned("there are no keys yet: the first login creates them")
	case p.keysErr != nil:
		return p.unseen("dynamodb:GetItem of KEYRING#", p.keysErr)
	}
	var next, current int
	var late time.Duration
	var which string
	for _, k := range p.keys {
		switch k.State {
		case keyring.Next:
			next++
		case keyring.Current:
			current++
		}
		if by := p.Now().Sub(k.Due); !k.Due.IsZero() && k.State != keyring.Gone && by > late {
			late, which = by, k.ID
		}
	}
	switch {
	case current < 2 || next < 2:
		return verdict.Failed("%d current and %d next keys, want a signing key and a MAC key of each", current, next)
	case late > veryLateKey:
		return verdict.Failed("key %s should have changed %s ago", which, late.Round(time.Minute))
	case late > lateKey:
		return verdict.Warned("key %s should have changed %s ago", which, late.Round(time.Minute))
	}
	return verdict.Passed("keys: %d, none is late", len(p.keys))
}

func (p *patient) sealingKey(ctx context.Context) verdict.Outcome {
	setting := p.SealingKey
	if setting == "" {
		setting = p.common("SEALING_KEY")
	}
	switch {
	case p.Sealer == nil || setting == "" && p.API != nil:
		return verdict.Unseen("it is not known which it is: name it with --sealing-key")
	case errors.Is(p.keysErr, keyring.ErrMissing):
		return verdict.Unseen("there are no keys yet")
	}
	sealer, err := p.Sealer(setting)
	if err != nil {
		return verdict.Failed("%s", err)
	}
	ring := keyring.New(keyring.Config{Store: p.Store, Sealer: sealer, Algorithm: keyring.ES256, Now: p.Now})
	_, err = ring.SigningKeys().Current(ctx)
	if err == nil {
		_, err = ring.MACKeys().Current(ctx)
	}
	var api smithy.APIError
	switch {
	case err == nil:
		return verdict.Passed("it opens the signing keys and the MAC keys")
	case errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied"):
		return p.unseen("kms:Decrypt, dynamodb:GetItem of KEYRING#", err)
	case errors.As(err, &api):
		return verdict.Failed("%s: %s", api.ErrorCode(), api.ErrorMessage())
	}
	return verdict.Failed("%s", err)
}

func (p *patient) clients(ctx context.Context) verdict.Outcome {
	all, err := p.Store.Clients(ctx)
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		return p.unseen("dynamodb:Query of CLIENT", err)
	case err != nil:
		return verdict.Failed("%s", err)
	case len(all) == 0:
		return verdict.Warned("there is none: nobody can log in")
	}
	return verdict.Passed("%d", len(all))
}

func (p *patient) origins(ctx context.Context) verdict.Outcome {
	all, err := p.Store.Clients(ctx)
	if err != nil {
		return p.unseen("dynamodb:Query of CLIENT", err)
	}
	own, err := url.Parse(p.address())
	if p.API == nil || err != nil || own.Host == "" {
		return p.noAddress()
	}
	var wrong []string
	for _, c := range all {
		if c.Kind != client.Browser && c.Kind != client.Site {
			continue
		}
		for _, origin := range c.Origins {
			if u, err := url.Parse(origin); err != nil || isLoopback(u.Hostname()) && !isLoopback(own.Hostname()) || site(u) != site(own) {
				wrong = append(wrong, fmt.Sprintf("%s of %s", origin, c.ID))
			}
		}
	}
	if len(wrong) > 0 {
		return verdict.Warned("on another site than %s: %s", own.Host, list(wrong))
	}
	return verdict.Passed("all are on the site of %s", own.Host)
}

func (p *patient) policies(ctx context.Context) verdict.Outcome {
	apis, err := p.Store.Policies(ctx)
	if err != nil {
		return p.unseen("dynamodb:Query of POLICY", err)
	}
	var wrong []string
	for _, api := range apis {
		record, err := p.Store.Policy(ctx, api)
		if err == nil && !record.Removed() {
			_, err = policy.Decode(record.Document)
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %s", api, err))
		}
	}
	if len(wrong) > 0 {
		return verdict.Failed("%s", list(wrong))
	}
	return verdict.Passed("%d", len(apis))
}

func (p *patient) demoAccount(ctx context.Context) verdict.Outcome {
	if p.API == nil {
		return verdict.Unseen("%s", errOnThisMachine)
	}
	_, err := p.Store.LoginName(ctx, p.DemoAccount)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return verdict.Passed("it is not")
	case err != nil:
		return p.unseen("dynamodb:GetItem of LOGIN#", err)
	}
	return verdict.Failed("%s may log in", p.DemoAccount)
}

// list names the first few.
func list(all []string) string {
	const few = 3
	if len(all) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:few], "; "), len(all)-few)
	}
	return strings.Join(all, "; ")
}

// noSealer is the sealer of a keyring that opens nothing.
type noSealer struct{}

var errNotOpened = errors.New("no key is opened")

func (noSealer) Seal(context.Context, string, []byte) ([]byte, error) { return nil, errNotOpened }
func (noSealer) Open(context.Context, string, []byte) ([]byte, error) { return nil, errNotOpened }
