//! Who may use the admin listener. With tokens: whoever shows one. Without: whoever can connect, which is this
//! machine's own users, but not a web page that their browser has open.

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError, web};

use super::super::auth::{bearer, refuse_repeated};
use super::super::problem::Problem;
use super::{Admin, routes};

/// Middleware that refuses strangers.
pub(super) async fn guarded(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Err(problem) = check(&request) {
        let mut response = problem.error_response();
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"rejoin admin\""));
        }
        return Ok(request.into_response(response));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

fn check(request: &ServiceRequest) -> Result<(), Problem> {
    let admin = request.app_data::<web::Data<Admin>>().expect("no app is made without it");
    refuse_repeated(request.headers())?;
    if is_from_another_site(request) {
        let detail = "this is a request of another site's page";
        return Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", detail));
    }
    if admin.tokens.is_open() {
        let detail = "without a token, the admin listener is reached only by a loopback address or localhost";
        let wrong = || Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", detail);
        return if is_own_name(host(request)) { Ok(()) } else { Err(wrong()) };
    }
    if routes::is_open(request.path()) {
        return Ok(());
    }
    let Some(token) = bearer(request.request()).transpose()? else {
        let detail = "send Authorization: Bearer <token>, as in REJOIN_ADMIN_TOKEN or REJOIN_ADMIN_TOKEN_FILE";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "admin-token-required", detail));
    };
    let wrong = || Problem::new(StatusCode::UNAUTHORIZED, "admin-token-invalid", "this is no token of this server");
    admin.tokens.name_of(token).map(drop).ok_or_else(wrong)
}

fn host(request: &ServiceRequest) -> &str {
    request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// True if a browser says that the request comes from a page of another site. The Fetch standard sends `Origin` with
/// every request that can change something, and `Sec-Fetch-Site` with every request.
fn is_from_another_site(request: &ServiceRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(|text| text.to_str().unwrap_or("?"));
    if let Some(site) = header("Sec-Fetch-Site") {
        // A link on another site may lead to the page, which then loads the rest itself.
        let is_visit = header("Sec-Fetch-Mode") == Some("navigate") && request.method().is_safe();
        return !matches!(site, "same-origin" | "none") && !is_visit;
    }
    let origin = header(ORIGIN.as_str());
    origin.is_some_and(|origin| origin.split_once("://").is_none_or(|(_, site)| site != host(request)))
}

/// True if a `Host` header names this machine itself. Another name may be one that a foreign site has pointed at this
/// machine's address (DNS rebinding).
fn is_own_name(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::test::TestRequest;

    use super::*;
    use crate::domain::WallTime;
    use crate::game::SessionAdmin;
    use crate::http::shared::tests::shared;
    use crate::http::{ApiKey, ApiKeys};

    /// The status with which a request is refused, 200 if it is let in.
    fn status(tokens: &[&str], path: &str, headers: &[(&'static str, &str)]) -> u16 {
        let tokens = tokens.iter().map(|token| ApiKey::read(token).expect("a good token").0).collect();
        let sessions = SessionAdmin::new(shared().router.clone(), shared().rooms.hub.clone(), Arc::default());
        let admin = web::Data::new(Admin::new(Arc::new(ApiKeys::new(tokens, false)), sessions, WallTime(0)));
        let mut request = TestRequest::get().uri(path).app_data(admin);
        for header in headers {
            request = request.append_header(*header);
        }
        check(&request.to_srv_request()).map_or_else(|problem| problem.status_code().as_u16(), |()| 200)
    }

    const OWN: (&str, &str) = ("Host", "127.0.0.1:9090");

    #[test]
    fn without_a_token_only_this_machine_is_let_in() {
        for host in ["127.0.0.1:9090", "localhost:9090", "LOCALHOST", "[::1]:9090", "127.8.9.1"] {
            assert_eq!(status(&[], "/health", &[("Host", host)]), 200, "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example:9090", "localhost.evil.example", "10.0.0.1", ":9090"] {
            assert_eq!(status(&[], "/health", &[("Host", host)]), 421, "{host}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        assert_eq!(status(&[], "/health", &[OWN, ("Origin", "https://evil.example")]), 403);
        assert_eq!(status(&[], "/health", &[OWN, ("Origin", "null")]), 403);
        assert_eq!(status(&[], "/health", &[OWN, ("Origin", "http://127.0.0.1:8080")]), 403);
        assert_eq!(status(&[], "/health", &[OWN, ("Origin", "http://127.0.0.1:9090")]), 200);
        for (site, expected) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
            assert_eq!(status(&[], "/health", &[OWN, ("Sec-Fetch-Site", site)]), expected, "{site}");
        }
        let visit = [OWN, ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
        assert_eq!(status(&[], "/health", &visit), 200);
    }

    #[test]
    fn a_header_that_decides_comes_once() {
        const TOKEN: &str = "0123456789abcdef";
        let (good, bad) = (("Authorization", "Bearer 0123456789abcdef"), ("Authorization", "Bearer x"));
        for twice in [[good, bad], [bad, good], [good, good]] {
            for path in ["/health", "/livez"] {
                assert_eq!(status(&[TOKEN], path, &[OWN, twice[0], twice[1]]), 400, "{twice:?}");
            }
        }
        assert_eq!(status(&[], "/health", &[OWN, ("Origin", "http://127.0.0.1:9090"), ("Origin", "null")]), 400);
        assert_eq!(status(&[TOKEN], "/health", &[OWN, good]), 200);
    }

    #[test]
    fn with_a_token_only_its_holders_are_let_in_under_any_name() {
        let (token, other) = ("0123456789abcdef", "fedcba9876543210");
        let show = |text: &str| status(&[token, other], "/health", &[("Host", "a.example"), ("Authorization", text)]);
        assert_eq!(show(&format!("Bearer {token}")), 200);
        assert_eq!(show(&format!("bearer {other}")), 200);
        for wrong in ["Bearer 0123456789abcdeg", "Bearer ", "Basic 0123456789abcdef", token, ""] {
            assert_eq!(show(wrong), 401, "{wrong}");
        }
        assert_eq!(status(&[token], "/health", &[OWN]), 401);
        for open in ["/livez", "/readyz", "/admin", "/web/admin/admin.js"] {
            assert_eq!(status(&[token], open, &[OWN]), 200, "{open}");
        }
        for closed in ["/", "/admin/", "/admin/api/sessions", "/admin/api/status", "/web", "/webx"] {
            assert_eq!(status(&[token], closed, &[OWN]), 401, "{closed}");
        }
    }
}
