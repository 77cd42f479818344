package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/wavepass/wavepass/pkg/session"
)

// UseCode implements session.CodeUser.
func (s *Store) UseCode(ctx context.Context, u session.CodeUse) (session.Session, error) {
	condition := "client_id = :client AND code_hash = :hash AND code_challenge = :challenge AND code_redirect = :redirect" +
		" AND code_until > :now AND attribute_not_exists(revoked_at) AND (attribute_not_exists(code_used_by) OR code_used_by = :by)"
	values := item{
		":client":    text(u.ClientID),
		":hash":      bytesOf(u.CodeHash),
		":challenge": text(u.Challenge),
		":redirect":  text(u.Redirect),
		":by":        text(u.UsedBy),
		":now":       milliseconds(u.Now),
	}
	if u.Resource != "" {
		condition += " AND #resource = :resource"
		values[":resource"] = text(u.Resource)
	}
	in := dynamodb.UpdateItemInput{
		ConditionExpression: &condition,
		// From now on the time to live is the session's, not the code's.
		UpdateExpression:          aws.String("SET code_used_by = :by, rotated_at = :now, expires_at = idle_expiry"),
		ExpressionAttributeValues: values,
	}
	if u.Resource != "" {
		in.ExpressionAttributeNames = map[string]string{"#resource": "resource"} // a reserved word
	}
	return s.updateSession(ctx, "use a code", u.AccountID, u.SessionID, in)
}

// ReleaseCode implements session.CodeUser.
func (s *Store) ReleaseCode(ctx context.Context, u session.CodeUse, until time.Time) error {
	_, err := s.updateSession(ctx, "release a code", u.AccountID, u.SessionID, dynamodb.UpdateItemInput{
		ConditionExpression: aws.String("code_used_by = :by AND rotated_at = :now"),
		UpdateExpression:    aws.String("REMOVE code_used_by SET expires_at = :until"),
		ExpressionAttributeValues: item{
			":by":    text(u.UsedBy),
			":now":   milliseconds(u.Now),
			":until": seconds(until),
		},
	})
	return err
}

// encodePending adds the code of a session. While it waits, the item lives as long as the code.
func encodePending(it item, p session.Pending) {
	it["code_hash"], it["code_challenge"], it["code_redirect"] = bytesOf(p.CodeHash), text(p.Challenge), text(p.Redirect)
	it["code_nonce"], it["code_until"] = text(p.Nonce), milliseconds(p.Until)
	if p.UsedBy == "" {
		it[ttl] = seconds(p.Until)
	} else {
		it["code_used_by"] = text(p.UsedBy)
	}
}

func (r *reader) pending() *session.Pending {
	p := &session.Pending{
		CodeHash: r.bytes("code_hash"), Challenge: r.text("code_challenge"), Redirect: r.text("code_redirect"),
		Nonce: r.text("code_nonce"), Until: r.milliseconds("code_until"),
	}
	if r.has("code_used_by") {
		p.UsedBy = r.text("code_used_by")
	}
	return p
}
