import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtDecoder;

/** As verify.mjs, for the class Decoders. */
public final class VerifySpring {
  public static void main(String[] args) throws Exception {
    JwtDecoder tokens = Decoders.accessTokens();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String token = in.readLine(); token != null; token = in.readLine()) {
      try {
        Jwt jwt = tokens.decode(token);
        System.out.println("accepted " + jwt.getSubject());
      } catch (Exception e) {
        System.out.println("refused " + e.toString().replace('\n', ' '));
      }
    }
  }
}
