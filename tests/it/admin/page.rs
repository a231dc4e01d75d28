//! The operators' page: the admin listener serves it, and nothing else of the pages; the public listener serves none of
//! it.

use reqwest::Method;

use crate::support::client::send;
use crate::support::{Client, Server};

/// The files of the page alone.
const OWN: [&str; 6] = [
    "/admin",
    "/web/admin/admin.js",
    "/web/admin/index.html",
    "/web/admin/text/en.json",
    "/web/vendor/uplot.js",
    "/web/vendor/uplot.css",
];

#[tokio::test]
async fn the_public_listener_has_no_file_of_the_operators_page() {
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
    for args in [&[][..], &["--web-dir", web]] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::process(folder.path(), args);
        let tricks = [
            "/web//admin/admin.js",
            "/web/./admin/admin.js",
            "/web/style/../admin/admin.js",
            "/web/%61dmin/admin.js",
            "/web/admin%2Fadmin.js",
            "/web/ui/%2e%2e/admin/admin.js",
            "/web/ADMIN/admin.js",
            "/web/vendor/%75plot.js",
            "/web/vendor%2fuplot.js",
            "/admin/",
            "/admin/api/status",
            "/admin/api/sessions",
        ];
        for path in OWN.into_iter().chain(tricks) {
            // A client of the library would resolve the dots itself.
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let reply = server.client().exchange(request.as_bytes()).await;
            assert_eq!(reply.status, 404, "{path} with {args:?}");
        }
        server.client().get("/web/app.js").await.text();
        assert_eq!(server.client().get("/web/vendor/preact.js").await.status, 200);
        server.stop().await;
    }
}

#[tokio::test]
async fn the_admin_listener_has_the_page_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--admin-token", "0123456789abcdef-of-admin"]);
    let admin = Client::new(&server.admin);
    for path in OWN.into_iter().chain(["/web/style/base.css", "/web/ui/text.js", "/web/vendor/preact.js"]) {
        assert_eq!(admin.get(path).await.status, 200, "{path}");
    }
    let page = admin.get("/admin").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("trusted-types"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    for path in ["/web/app.js", "/web/index.html", "/web/client/api.js", "/web/host/setup.js", "/web/text/en.json"] {
        assert_eq!(admin.get(path).await.status, 404, "{path}");
    }
    for path in ["/web/admin/../app.js", "/web/admin/../../Cargo.toml", "/web/admin/%2e%2e/app.js", "/web/"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert_eq!(admin.exchange(request.as_bytes()).await.status, 404, "{path}");
    }
    assert_eq!(send(admin.request(Method::POST, "/admin")).await.status, 405);
    server.stop().await;
}
