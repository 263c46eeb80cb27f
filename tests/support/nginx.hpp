// nginx, if this machine has it, as a server of a test's own on a free port of the loopback.
//
//     const Nginx nginx("location = /x { return 200 \"x\"; }");
//     if (nginx.url().empty()) GTEST_SKIP() << "nginx is not installed";
//
// One process and one worker; it ends with the object. Not for: anything that must run everywhere.
#pragma once

#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/http/blocking_client.hpp"
#include "runtime/net/socket.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temp_dir.hpp"

namespace simul::testing {

class Nginx {
 public:
  /// Starts it with these directives in its one `server` block, and waits until it answers.
  /// Throws std::runtime_error if it does not within five seconds.
  explicit Nginx(const std::string& directives) {
    const std::string program = find();
    if (program.empty()) return;
    const std::string here = folder_.path().string();
    const net::Address address =
        net::local_address(net::listen_on(net::Address::loopback(0)).get());
    std::string temporary;
    for (const char* what : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      temporary += what + std::string("_temp_path ") + here + "/" + what + ";\n";
    }
    folder_.write("nginx.conf", "daemon off; master_process off; pid " + here + "/pid;\n" +
                                    "error_log " + here + "/error.log;\n" +
                                    "events { worker_connections 1024; }\n" +
                                    "http { access_log off; keepalive_requests 1000000;\n" +
                                    temporary + "server { listen " + address.to_string() +
                                    "; root " + here + ";\n" + directives + "\n} }\n");
    server_ = std::make_unique<Child>(std::vector<std::string>{
        program, "-e", here + "/error.log", "-p", here, "-c", here + "/nginx.conf"});
    url_ = "http://" + address.to_string();
    for (int i = 0;; ++i) {  // it has no way to tell when it is ready
      try {
        http::get(url_);
        return;
      } catch (const std::system_error&) {
        if (i == 500) throw std::runtime_error("nginx did not start");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
  }

  /// `http://127.0.0.1:<port>`; "" if there is no nginx here.
  const std::string& url() const { return url_; }

  /// Its process. Only if there is one.
  pid_t pid() const { return server_->pid(); }

  /// A file that it serves under `/name`.
  void write(std::string_view name, std::string_view content) const {
    folder_.write(name, content);
  }

 private:
  static std::string find() {
    for (const char* path : {"/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"}) {
      if (::access(path, X_OK) == 0) return path;
    }
    return "";
  }

  TempDir folder_;
  std::unique_ptr<Child> server_;
  std::string url_;
};

}  // namespace simul::testing
