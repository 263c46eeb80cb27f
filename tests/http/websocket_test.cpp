// WebSocket frames, messages and handshakes as bytes: every split, every rule, both roles.
#include "runtime/http/websocket.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/http/error.hpp"
#include "runtime/http/sha1.hpp"
#include "runtime/http/websocket_handshake.hpp"
#include "tests/http/splits.hpp"

namespace simul::http::websocket {
namespace {

using simul::testing::Cut;
using simul::testing::for_each_split;
using namespace std::string_literals;

constexpr MaskKey kKey = {0x37, 0xfa, 0x21, 0x3d};

// A frame as a peer sends it to `role`.
std::string frame(Role role, Opcode opcode, std::string_view payload, bool last = true) {
  std::string out;
  write_frame(out, opcode, payload, last, role == Role::server ? &kKey : nullptr);
  return out;
}

std::string close_payload(unsigned code, std::string_view reason = "") {
  std::string payload;
  payload += static_cast<char>(code >> 8);
  payload += static_cast<char>(code & 0xff);
  return payload.append(reason);
}

// Everything that a connection finds in `pieces`, as text, and what is due in the end.
struct Heard {
  std::string said;
  std::string due;
  unsigned code = 0;  // of the error, or 0
};

Heard hear(Role role, const std::vector<std::string_view>& pieces, const Limits& limits = {}) {
  Connection connection(role, limits);
  Heard heard;
  try {
    for (std::string_view piece : pieces) {
      for (;;) {
        const Event event = connection.next(piece);
        if (event == Event::none) break;
        if (event == Event::message) {
          const Message message = connection.take_message();
          heard.said += (message.text ? "text(" : "binary(") + message.data + ")";
        } else if (event == Event::ping) {
          heard.said += "ping(" + std::string(connection.control()) + ")";
        } else if (event == Event::pong) {
          heard.said += "pong(" + std::string(connection.control()) + ")";
        } else {
          heard.said += "close(" + std::to_string(connection.close_code()) + "," +
                        connection.close_reason() + ")";
        }
      }
      EXPECT_TRUE(piece.empty());
    }
  } catch (const Error& error) {
    heard.code = error.code();
    std::string_view more = "\x81\x00";
    EXPECT_THROW(connection.next(more), Error) << "after an error nothing is taken in";
  }
  connection.append_due(heard.due);
  return heard;
}

Heard hear(Role role, std::string_view bytes, const Limits& limits = {}) {
  return hear(role, Cut(bytes).pieces, limits);
}

// The code in a Close that a server sent.
unsigned code_in(std::string_view close) {
  if (close.size() < 4 || close[0] != '\x88') return 0;
  return static_cast<unsigned>(static_cast<unsigned char>(close[2]) << 8 |
                               static_cast<unsigned char>(close[3]));
}

// --- Reading ------------------------------------------------------------------------------------

TEST(WebSocket, ReadsTheExamplesOfTheRfc) {
  EXPECT_EQ(hear(Role::client, "\x81\x05Hello").said, "text(Hello)");
  EXPECT_EQ(hear(Role::server, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").said, "text(Hello)");
  EXPECT_EQ(hear(Role::client, "\x01\x03Hel\x80\x02lo"s).said, "text(Hello)");
  EXPECT_EQ(hear(Role::client, "\x89\x05Hello").said, "ping(Hello)");
  EXPECT_EQ(hear(Role::server, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").said, "pong(Hello)");
  const std::string medium(256, 'm');
  EXPECT_EQ(hear(Role::client, "\x82\x7e\x01\x00"s + medium).said, "binary(" + medium + ")");
  const std::string large(65536, 'l');
  EXPECT_EQ(hear(Role::client, "\x82\x7f\0\0\0\0\0\x01\0\0"s + large).said,
            "binary(" + large + ")");
}

TEST(WebSocket, FindsTheSameHoweverTheBytesAreCut) {
  for (const Role role : {Role::server, Role::client}) {
    const std::string bytes =
        frame(role, Opcode::text, "gr\xc3\xbc\xc3\x9f", false) + frame(role, Opcode::ping, "?") +
        frame(role, Opcode::continuation, "", false) +
        frame(role, Opcode::continuation, " \xe2\x82", false) + frame(role, Opcode::pong, "") +
        frame(role, Opcode::continuation, "\xac\xf0\x9f\x98\x80") +
        frame(role, Opcode::binary, "\xff\0\xfe"s) + frame(role, Opcode::text, "") +
        frame(role, Opcode::binary, std::string(130, 'b')) +
        frame(role, Opcode::close, close_payload(1001, "bye")) + "dropped";
    const std::string wanted =
        "ping(?)pong()text(gr\xc3\xbc\xc3\x9f \xe2\x82\xac\xf0\x9f\x98\x80)"
        "binary(\xff\0\xfe)text()binary("s +
        std::string(130, 'b') + ")close(1001,bye)";
    for_each_split(bytes, [&](const auto& pieces, const std::string& name) {
      const Heard heard = hear(role, pieces);
      EXPECT_EQ(heard.said, wanted) << name;
      EXPECT_EQ(heard.code, 0u) << name;
      EXPECT_FALSE(heard.due.empty()) << name;
    });
  }
}

struct Malformed {
  const char* what;
  std::string bytes;
  unsigned code;
};

TEST(WebSocket, RefusesWhatBreaksARuleWithTheCodeForIt) {
  const auto f = [](Opcode opcode, std::string_view payload, bool last = true) {
    return frame(Role::client, opcode, payload, last);  // from a server: no mask
  };
  const std::vector<Malformed> all = {
      {"first reserved bit", "\xc1\x00"s, 1002},
      {"second reserved bit", "\xa1\x00"s, 1002},
      {"third reserved bit", "\x91\x00"s, 1002},
      {"opcode 3", "\x83\x00"s, 1002},
      {"opcode 7", "\x87\x00"s, 1002},
      {"opcode 11", "\x8b\x00"s, 1002},
      {"opcode 15", "\x8f\x00"s, 1002},
      {"fragmented ping", "\x09\x00"s, 1002},
      {"fragmented close", "\x08\x00"s, 1002},
      {"ping of 126 bytes", "\x89\x7e\x00\x7e"s + std::string(126, 'p'), 1002},
      {"close of 126 bytes", "\x88\x7e\x00\x7e"s + std::string(126, 'p'), 1002},
      {"ping with a length of eight bytes", "\x89\x7f\0\0\0\0\0\0\0\x01p"s, 1002},
      {"continuation of nothing", f(Opcode::continuation, "x"), 1002},
      {"continuation after the end", f(Opcode::text, "x") + f(Opcode::continuation, "y"), 1002},
      {"text inside a text", f(Opcode::text, "x", false) + f(Opcode::text, "y"), 1002},
      {"binary inside a text", f(Opcode::text, "x", false) + f(Opcode::binary, "y"), 1002},
      {"masked by a server", frame(Role::server, Opcode::text, "x"), 1002},
      {"two bytes of length for 125", "\x82\x7e\x00\x7d"s + std::string(125, 'x'), 1002},
      {"eight bytes of length for 65535", "\x82\x7f\0\0\0\0\0\0\xff\xff"s, 1002},
      {"negative length", "\x82\x7f\x80\0\0\0\0\0\0\0"s, 1002},
      {"close with half a code", f(Opcode::close, "x"), 1002},
      {"close reason is no UTF-8", f(Opcode::close, close_payload(1000, "\xff")), 1007},
      {"close reason ends in a character", f(Opcode::close, close_payload(1000, "\xe2\x82")), 1007},
      {"text is no UTF-8", f(Opcode::text, "a\xff"), 1007},
      {"bad byte in a later fragment",
       f(Opcode::text, "\xe2", false) + f(Opcode::continuation, "\xe2", false), 1007},
      {"text ends in a character", f(Opcode::text, "\xe2\x82"), 1007},
      {"fragments end in a character",
       f(Opcode::text, "\xe2", false) + f(Opcode::continuation, "\x82"), 1007},
      {"message beyond the limit", "\x82\x7f\0\0\0\0\0\x10\x04\x01"s, 1009},
      {"message of 2^62 bytes", "\x82\x7f\x40\0\0\0\0\0\0\0"s, 1009},
      {"fragments beyond the limit",
       f(Opcode::binary, "x", false) + "\x80\x7f\0\0\0\0\0\x10\x04\x00"s, 1009},
  };
  for (const Malformed& one : all) {
    for (const bool cut : {false, true}) {
      const Cut pieces = cut ? Cut::into_bytes(one.bytes) : Cut(one.bytes);
      const Heard heard = hear(Role::client, pieces.pieces);
      EXPECT_EQ(heard.code, one.code) << one.what;
      EXPECT_EQ(heard.due.size(), 8u) << one.what << ": two bytes, a mask and a code";
    }
  }
  EXPECT_EQ(hear(Role::server, "\x81\x01x").code, 1002u) << "a client must mask";
  EXPECT_EQ(code_in(hear(Role::server, "\x81\x01x").due), 1002u);
}

TEST(WebSocket, KnowsWhichCodesMayStandInAClose) {
  for (unsigned code = 0; code <= 0xffff; code += code < 5100 ? 1 : 997) {
    const bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                      (code >= 3000 && code <= 4999);
    const Heard heard =
        hear(Role::client, frame(Role::client, Opcode::close, close_payload(code, "r")));
    ASSERT_EQ(heard.code, good ? 0u : 1002u) << code;
    if (good) {
      ASSERT_EQ(heard.said, "close(" + std::to_string(code) + ",r)");
    }
  }
  EXPECT_EQ(hear(Role::client, frame(Role::client, Opcode::close, "")).said, "close(1005,)");
}

TEST(WebSocket, TellsCharactersFromWhatOnlyLooksLikeThem) {
  const std::vector<std::string> good = {"",
                                         "a",
                                         "\x7f",
                                         "\xc2\x80",
                                         "\xdf\xbf",
                                         "\xe0\xa0\x80",
                                         "\xed\x9f\xbf",
                                         "\xee\x80\x80",
                                         "\xef\xbf\xbf",
                                         "\xf0\x90\x80\x80",
                                         "\xf4\x8f\xbf\xbf",
                                         "\xef\xbb\xbf",
                                         "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
                                         "sixteen ascii...\xc3\xbc and more of it",
                                         "\0"s};
  const std::vector<std::string> bad = {"\x80",
                                        "\xbf",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xc2",
                                        "\xc2\x41",
                                        "\xe0\x80\x80",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xed\xbf\xbf",
                                        "\xe2\x82",
                                        "\xe2\x28\xa1",
                                        "\xf0\x80\x80\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xf8\x88\x80\x80\x80",
                                        "\xfe",
                                        "\xff",
                                        "\xf0\x9f\x98",
                                        "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"
                                        "edited"};
  for (const bool is_good : {true, false}) {
    for (const std::string& text : is_good ? good : bad) {
      for_each_split(frame(Role::server, Opcode::text, text), [&](const auto& pieces,
                                                                  const std::string& name) {
        EXPECT_EQ(hear(Role::server, pieces).code, is_good ? 0u : 1007u) << text << " " << name;
      });
      for (std::size_t at = 0; at <= text.size(); ++at) {
        const std::string both = frame(Role::server, Opcode::text, text.substr(0, at), false) +
                                 frame(Role::server, Opcode::ping, "") +
                                 frame(Role::server, Opcode::continuation, text.substr(at));
        EXPECT_EQ(hear(Role::server, both).code, is_good ? 0u : 1007u) << text << " at " << at;
      }
    }
  }
}

// It is looked at many bytes at a time, and taken in pieces.
TEST(WebSocket, LooksAtEveryByteOfALongText) {
  for (const std::size_t at : {0u, 7u, 15u, 31u, 32u, 63u, 64u, 8190u, 8191u, 8192u, 19'998u}) {
    std::string text(20'000, 'x');
    text.replace(at, 2, "\xC3\xA9");
    const std::string good = frame(Role::server, Opcode::text, text);
    EXPECT_EQ(hear(Role::server, good).said, "text(" + text + ")") << at;
    text[at] = 'x';  // leaves half a character
    const std::string bad = frame(Role::server, Opcode::text, text);
    EXPECT_EQ(hear(Role::server, bad).code, invalid_data) << at;
  }
}

TEST(WebSocket, RefusesABadByteBeforeTheFrameHasEnded) {
  Connection connection(Role::client);
  const std::string begun = "\x81\x7e\x10\x00\xff"s;
  std::string_view input = begun;
  EXPECT_THROW(connection.next(input), Error);
}

TEST(WebSocket, HoldsItsLimitsToTheByte) {
  Limits limits;
  limits.message = 10;
  for (const Role role : {Role::server, Role::client}) {
    const std::string ten(10, 'x'), eleven(11, 'x');
    EXPECT_EQ(hear(role, frame(role, Opcode::text, ten), limits).said, "text(" + ten + ")");
    EXPECT_EQ(hear(role, frame(role, Opcode::text, eleven), limits).code, 1009u);
    EXPECT_EQ(
        hear(role,
             frame(role, Opcode::text, "12345", false) + frame(role, Opcode::continuation, "67890"),
             limits)
            .said,
        "text(1234567890)");
    EXPECT_EQ(hear(role,
                   frame(role, Opcode::text, "12345", false) +
                       frame(role, Opcode::continuation, "678901"),
                   limits)
                  .code,
              1009u);
  }
  EXPECT_EQ(Limits().message, 1024u * 1024 + 1024);
  limits = {};
  limits.frame = 3;
  EXPECT_EQ(hear(Role::client,
                 "\x81\x04"
                 "abcd",
                 limits)
                .code,
            1009u);
  EXPECT_EQ(hear(Role::client,
                 "\x01\x03"
                 "abc\x80\x03"
                 "def"s,
                 limits)
                .said,
            "text(abcdef)");
}

TEST(WebSocket, AnnouncedLengthsTakeNoMemory) {
  std::vector<Connection> many(1000, Connection(Role::client));
  for (Connection& connection : many) {
    std::string_view input("\x82\x7f\0\0\0\0\0\x10\x00\x00x", 11);
    EXPECT_EQ(connection.next(input), Event::none);
    EXPECT_LE(connection.take_message().data.capacity(), 8192u);
  }
}

// --- Answering ----------------------------------------------------------------------------------

TEST(WebSocket, AnswersAPingWithWhatItCarriedAndTheNewestIfThereAreMany) {
  EXPECT_EQ(hear(Role::server, frame(Role::server, Opcode::ping, "here?")).due, "\x8a\x05here?");
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += frame(Role::server, Opcode::ping, std::to_string(i));
  EXPECT_EQ(hear(Role::server, flood).due,
            "\x8a\x03"
            "999");
}

TEST(WebSocket, AnswersACloseWithTheSameCode) {
  const Heard heard =
      hear(Role::server, frame(Role::server, Opcode::close, close_payload(4321, "why")) +
                             frame(Role::server, Opcode::text, "late"));
  EXPECT_EQ(heard.said, "close(4321,why)");
  EXPECT_EQ(heard.due, "\x88\x02\x10\xe1");
  EXPECT_EQ(hear(Role::server, frame(Role::server, Opcode::close, "")).due, "\x88\x00"s);
}

TEST(WebSocket, SaysNothingAfterItsClose) {
  Connection connection(Role::server);
  std::string out;
  connection.begin_close(out, 1000, "done");
  EXPECT_EQ(out,
            "\x88\x06\x03\xe8"
            "done");
  EXPECT_TRUE(connection.close_sent());
  out.clear();
  EXPECT_THROW(connection.send(out, "more", true), std::logic_error);
  connection.ping(out, "x");
  connection.begin_close(out, 1001);
  const std::string bytes = frame(Role::server, Opcode::ping, "x") +
                            frame(Role::server, Opcode::text, "still heard") +
                            frame(Role::server, Opcode::close, close_payload(1000));
  std::string_view input = bytes;
  EXPECT_EQ(connection.next(input), Event::ping);
  EXPECT_EQ(connection.next(input), Event::message);
  EXPECT_EQ(connection.take_message().data, "still heard");
  EXPECT_EQ(connection.next(input), Event::close);
  EXPECT_FALSE(connection.due());
  connection.append_due(out);
  EXPECT_EQ(out, "");
}

TEST(WebSocket, RefusesToSayWhatMayNotBeSaid) {
  Connection connection(Role::client);
  std::string out;
  EXPECT_THROW(connection.send(out, "\xff", true), std::invalid_argument);
  EXPECT_THROW(connection.ping(out, std::string(126, 'p')), std::invalid_argument);
  for (const int code : {0, 999, 1004, 1006, 1015, 2000, 5000}) {
    EXPECT_THROW(connection.begin_close(out, static_cast<std::uint16_t>(code)),
                 std::invalid_argument)
        << code;
  }
  EXPECT_THROW(connection.begin_close(out, 1005, "reason"), std::invalid_argument);
  EXPECT_THROW(connection.begin_close(out, 1000, std::string(124, 'r')), std::invalid_argument);
  EXPECT_THROW(connection.begin_close(out, 1000, "\xc3"), std::invalid_argument);
  EXPECT_EQ(out, "");
  EXPECT_FALSE(connection.close_sent());
}

TEST(WebSocket, BothRolesUnderstandEachOther) {
  for (const std::size_t size : {0u, 1u, 125u, 126u, 127u, 65535u, 65536u, 1049600u}) {
    for (const Role role : {Role::server, Role::client}) {
      Connection sender(role);
      std::string out, data(size, '\0');
      for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * 31 >> 3);
      sender.send(out, data, false);
      const Heard heard = hear(role == Role::server ? Role::client : Role::server, out);
      EXPECT_EQ(heard.said, "binary(" + data + ")") << size;
    }
  }
  std::string once, twice;
  Connection client(Role::client);
  client.send(once, "the same text", true);
  client.send(twice, "the same text", true);
  EXPECT_NE(once, twice) << "each frame has a key of its own";
}

TEST(WebSocket, HandsALargePayloadBackWhereItNeedsNoMask) {
  for (const std::size_t size : {std::size_t{0}, Connection::kMaxCopied, std::size_t{100'000}}) {
    const std::string data(size, 'x');
    for (const Role role : {Role::server, Role::client}) {
      Connection connection(role);
      std::string out = "before";
      const std::string_view apart = connection.send_apart(out, data, true);
      const bool copied = role == Role::client || size <= Connection::kMaxCopied;
      EXPECT_EQ(apart.data(), copied ? nullptr : data.data()) << size;
      Connection peer(role == Role::server ? Role::client : Role::server);
      out.append(apart);
      std::string_view bytes = std::string_view(out).substr(6);
      ASSERT_EQ(peer.next(bytes), Event::message);
      EXPECT_EQ(peer.take_message().data, data);
      EXPECT_TRUE(bytes.empty());
    }
  }
}

TEST(WebSocket, MasksAtEveryOffsetAndLengthAsByteByByte) {
  std::string bytes(70, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t size = 0; from + size <= bytes.size(); ++size) {
      for (std::size_t at = 0; at < 5; ++at) {
        std::string masked = bytes;
        mask({masked.data() + from, size}, kKey, at);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
          const bool inside = i >= from && i < from + size;
          const auto wanted =
              static_cast<char>(bytes[i] ^ (inside ? kKey[(at + i - from) % 4] : 0));
          ASSERT_EQ(masked[i], wanted) << from << " " << size << " " << at;
        }
      }
    }
  }
}

// --- The handshake ------------------------------------------------------------------------------

TEST(WebSocketHandshake, DigestsAreThoseOfTheRfcs) {
  const auto hex = [](const std::string& bytes) {
    std::string text;
    for (const char c : bytes) {
      text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
      text += "0123456789abcdef"[c & 15];
    }
    return text;
  };
  EXPECT_EQ(hex(sha1("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(hex(sha1(std::string(1'000'000, 'a'))), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

IncomingRequest handshake() {
  IncomingRequest request;
  request.method = "GET";
  request.target = "/chat";
  request.headers = {{"Host", "server.example:8080"},
                     {"Upgrade", "websocket"},
                     {"Connection", "keep-alive, Upgrade"},
                     {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                     {"Sec-WebSocket-Version", "13"}};
  return request;
}

TEST(WebSocketHandshake, AgreesToWhatIsOne) {
  const Response response = answer_handshake(handshake());
  EXPECT_EQ(response.status, 101);
  EXPECT_EQ(response.headers.get("Upgrade"), "websocket");
  EXPECT_EQ(response.headers.get("Connection"), "Upgrade");
  EXPECT_EQ(response.headers.get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_FALSE(response.headers.contains("Sec-WebSocket-Protocol"));
  EXPECT_FALSE(response.headers.contains("Sec-WebSocket-Extensions"));
}

TEST(WebSocketHandshake, RefusesWhatIsNoneAndSaysWhy) {
  struct Case {
    const char* name;
    const char* value;  // null: the header is missing
    int status;
  };
  for (const Case& one :
       std::vector<Case>{{"Upgrade", nullptr, 426},
                         {"Upgrade", "h2c", 426},
                         {"Connection", nullptr, 400},
                         {"Connection", "keep-alive", 400},
                         {"Sec-WebSocket-Version", nullptr, 400},
                         {"Sec-WebSocket-Version", "8", 426},
                         {"Sec-WebSocket-Version", "13, 8", 426},
                         {"Sec-WebSocket-Key", nullptr, 400},
                         {"Sec-WebSocket-Key", "", 400},
                         {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ", 400},
                         {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j", 400},
                         {"Sec-WebSocket-Key", "!!!!IHNhbXBsZSBub25jZQ==", 400}}) {
    IncomingRequest request = handshake();
    request.headers.remove(one.name);
    if (one.value != nullptr) request.headers.add(one.name, one.value);
    const Response response = answer_handshake(request);
    EXPECT_EQ(response.status, one.status) << one.name << ": " << (one.value ? one.value : "");
    EXPECT_FALSE(response.body.empty());
    if (one.status == 426) {
      EXPECT_EQ(response.headers.get("Sec-WebSocket-Version"), "13");
    }
  }
  IncomingRequest request = handshake();
  request.headers.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(answer_handshake(request).status, 400) << "two keys";
  request = handshake();
  request.method = "POST";
  EXPECT_EQ(answer_handshake(request).status, 400);
  request = handshake();
  request.minor_version = 0;
  EXPECT_EQ(answer_handshake(request).status, 400);
}

TEST(WebSocketHandshake, LetsInPagesOfItsOwnHostAndOfThoseItNames) {
  const auto status = [](std::vector<std::string> origins, const char* origin) {
    IncomingRequest request = handshake();
    if (origin != nullptr) request.headers.add("Origin", origin);
    Acceptance acceptance;
    acceptance.origins = std::move(origins);
    return answer_handshake(request, acceptance).status;
  };
  EXPECT_EQ(status({}, nullptr), 101) << "no browser";
  EXPECT_EQ(status({}, "http://server.example:8080"), 101);
  EXPECT_EQ(status({}, "http://SERVER.example:8080"), 101);
  EXPECT_EQ(status({}, "https://server.example:8080"), 101) << "TLS may have been taken off";
  EXPECT_EQ(status({}, "http://server.example"), 403);
  EXPECT_EQ(status({}, "http://server.example:8081"), 403);
  EXPECT_EQ(status({}, "http://evil.example"), 403);
  EXPECT_EQ(status({}, "http://server.example:8080.evil.example"), 403);
  EXPECT_EQ(status({}, "http://server.example:8080@evil.example"), 403);
  EXPECT_EQ(status({}, "null"), 403);
  EXPECT_EQ(status({"https://chat.example"}, "https://chat.example"), 101);
  EXPECT_EQ(status({"https://chat.example"}, "http://chat.example"), 403);
  EXPECT_EQ(status({"https://chat.example"}, "http://server.example:8080"), 403);
  EXPECT_EQ(status({"*"}, "null"), 101);
}

TEST(WebSocketHandshake, ChoosesTheSubprotocolItLikesBest) {
  IncomingRequest request = handshake();
  request.headers.add("Sec-WebSocket-Protocol", "chat, superchat");
  request.headers.add("Sec-WebSocket-Protocol", "talk");
  Acceptance acceptance;
  acceptance.subprotocols = {"shout", "talk", "chat"};
  EXPECT_EQ(answer_handshake(request, acceptance).headers.get("Sec-WebSocket-Protocol"), "talk");
  acceptance.subprotocols = {"shout"};
  EXPECT_FALSE(answer_handshake(request, acceptance).headers.contains("Sec-WebSocket-Protocol"));
}

TEST(WebSocketHandshake, AClientAsksAndChecksTheAnswer) {
  const std::string key = random_handshake_key();
  EXPECT_EQ(key.size(), 24u);
  EXPECT_NE(key, random_handshake_key());
  const Request asked = make_handshake(parse_url("ws://server.example:8080/chat"), key, {"talk"});
  IncomingRequest request;
  request.method = asked.method;
  request.headers = asked.headers;
  request.headers.add("Host", asked.url.host_header());
  Acceptance acceptance;
  acceptance.subprotocols = {"talk"};
  const Response good = answer_handshake(request, acceptance);
  EXPECT_EQ(check_handshake(good, key, {"talk"}), "talk");
  const auto refuses = [&](auto spoil) {
    Response response = good;
    spoil(response);
    EXPECT_THROW(check_handshake(response, key, {"talk"}), ProtocolError);
  };
  refuses([](Response& r) { r.status = 200; });
  refuses([](Response& r) { r.headers.remove("Upgrade"); });
  refuses([](Response& r) { r.headers.set("Upgrade", "h2c"); });
  refuses([](Response& r) { r.headers.remove("Connection"); });
  refuses([](Response& r) { r.headers.remove("Sec-WebSocket-Accept"); });
  refuses([](Response& r) { r.headers.set("Sec-WebSocket-Accept", accept_of("other")); });
  refuses([](Response& r) { r.headers.set("Sec-WebSocket-Protocol", "shout"); });
  refuses([](Response& r) { r.headers.set("Sec-WebSocket-Extensions", "permessage-deflate"); });
}

TEST(WebSocketHandshake, TakesWsUrlsAlone) {
  EXPECT_EQ(parse_url("WS://Host.example/a?b").to_string(), "http://host.example/a?b");
  EXPECT_THROW(parse_url("wss://host/"), UnsupportedScheme);
  EXPECT_THROW(parse_url("http://host/"), InvalidUrl);
  EXPECT_THROW(parse_url("ws://host/#part"), InvalidUrl);
  EXPECT_THROW(parse_url("ws:///"), InvalidUrl);
  EXPECT_THROW(parse_url(""), InvalidUrl);
}

}  // namespace
}  // namespace simul::http::websocket
