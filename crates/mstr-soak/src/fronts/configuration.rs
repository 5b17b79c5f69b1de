//! Configurations of the fronts. Both are sticky by a cookie `NODE` that names the node, both log
//! `LOG protocol method path status call ...` for each request, and both name the node in a header
//! `X-Node` for the driver.
//!
//! The front, not the node, sets the cookie. It must name the node: a route cookie that only hashes
//! to one sends a session to another node as soon as nodes come and go.

use super::front::Setup;

/// haproxy sets the cookie when a request came without it or got to another node.
pub(crate) fn haproxy(setup: &Setup) -> String {
    let Setup { public, probe, nodes: [first, second], .. } = setup;
    let tls = if setup.tls {
        format!(" ssl crt {} alpn h2,http/1.1", setup.certificate().display())
    } else {
        String::new()
    };
    format!(
        "\
global
    log stdout format raw local0
    maxconn 2000
    ssl-default-bind-options ssl-min-ver TLSv1.2

defaults
    mode http
    option redispatch 1
    retries 3
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout check 5s
    timeout http-keep-alive 1s
    default_backend nodes

frontend public
    bind 127.0.0.1:{public}{tls}
    log global
    capture request header X-Soak len 20
    log-format \"LOG %HV %HM %HPO %ST %[capture.req.hdr(0)] %s %ts %Ta\"

frontend probe
    bind 127.0.0.1:{probe}

backend nodes
    log global
    balance roundrobin
    cookie NODE insert indirect nocache
    option httpchk GET /MicroStrategyLibrary/api/status
    http-response set-header X-Node %s
    default-server check inter 200ms fall 2 rise 1
    server n1 127.0.0.1:{first} cookie n1
    server n2 127.0.0.1:{second} cookie n2
"
    )
}

/// nginx sets the cookie with every reply, as the load balancer of the vendor's cloud does. It has
/// no sticky sessions of its own: a map takes the cookie to the node that it names, with the other
/// node as a backup. It ends connections after 50 requests (`GOAWAY` in HTTP/2).
pub(crate) fn nginx(setup: &Setup) -> String {
    let Setup { public, probe, nodes: [first, second], .. } = setup;
    let (listen, tls) = if setup.tls {
        let file = setup.certificate();
        let file = file.display();
        (" ssl http2", format!("ssl_certificate {file};\n        ssl_certificate_key {file};"))
    } else {
        ("", String::new())
    };
    let server = "max_fails=1 fail_timeout=1s";
    format!(
        "\
daemon off;
worker_processes 2;
pid nginx.pid;
error_log error.log notice;
events {{ worker_connections 1024; }}
http {{
    log_format front 'LOG $server_protocol $request_method $uri $status $http_x_soak '
                     '$request_time $upstream_addr $upstream_status';
    access_log off;
    client_body_temp_path client;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    proxy_max_temp_file_size 0;
    keepalive_timeout 1s;
    keepalive_requests 50;

    map $cookie_NODE $pool {{ default any; n1 n1; n2 n2; }}
    # the last one that was tried
    map $upstream_addr $node {{ default \"\"; ~:{first}$ n1; ~:{second}$ n2; }}

    upstream any {{
        zone any 64k;
        server 127.0.0.1:{first} {server};
        server 127.0.0.1:{second} {server};
        keepalive 16;
    }}
    upstream n1 {{
        zone n1 64k;
        server 127.0.0.1:{first} {server};
        server 127.0.0.1:{second} {server} backup;
        keepalive 16;
    }}
    upstream n2 {{
        zone n2 64k;
        server 127.0.0.1:{second} {server};
        server 127.0.0.1:{first} {server} backup;
        keepalive 16;
    }}

    proxy_http_version 1.1;
    proxy_set_header Connection \"\";
    proxy_set_header Host $http_host;
    add_header Set-Cookie \"NODE=$node; Path=/; HttpOnly\" always;
    add_header X-Node $node always;

    server {{
        listen 127.0.0.1:{public}{listen};
        {tls}
        access_log access.log front;
        location / {{ proxy_pass http://$pool; }}
    }}
    server {{
        listen 127.0.0.1:{probe};
        location / {{ proxy_pass http://$pool; }}
    }}
}}
"
    )
}
