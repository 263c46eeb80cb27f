// A job as a value: its fields, its call, its times, as RQ writes and reads them.
#include "runtime/redis/job.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "runtime/base/base64.hpp"
#include "runtime/http/inflate.hpp"
#include "runtime/redis/job_keys.hpp"

namespace simul::redis {
namespace {

// What RQ 1.13 stored for count_words_at_url('http://nvie.com') with its JSON serializer.
constexpr char kBytes[] =
    "x\x9c\x8bV\xca\xad\xcc\xcdO)\xcdI\xd5K\xce/\xcd+\x89/\xcf/J)\x8eO,\x89/-\xcaQ\xd2Q\xc8+"
    "\xcd\xc9\xd1Q\x88V\xca())\xb0\xd2\xd7\xcf+\xcb\x04)\xccU\x8a\xd5Q\xa8\xae\x8d\x05\x00\xd8"
    "\xb8\x16>";
const std::string kRecorded(kBytes, sizeof kBytes - 1);

std::string field(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return "(none)";
}

TEST(WallTimeTest, IsWrittenAndReadAsRqDoes) {
  const auto time = parse_wall_time("2026-11-21T12:10:58.366529Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(to_text(*time), "2026-11-21T12:10:58.366529Z");
  EXPECT_EQ(unix_seconds(*time), 1795263058);
  EXPECT_EQ(to_text(parse_wall_time("2024-02-29T00:00:00Z").value()),
            "2024-02-29T00:00:00.000000Z");
}

TEST(WallTimeTest, WhatIsNoTimeIsNone) {
  for (const char* text : {"", "2026-11-21", "2026-11-21T12:10:58", "2026-11-21T12:10:58.3Z",
                           "2026-02-30T12:10:58Z", "2026-13-21T12:10:58Z", "2026-11-21T24:10:58Z",
                           "2026-11-21T12:10:58.366529Z ", "2026-11-21 12:10:58Z", "None"}) {
    EXPECT_FALSE(parse_wall_time(text)) << text;
  }
}

TEST(Base64Test, EveryLengthComesBack) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(base64_encode("322"), "MzIy");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
}

TEST(Base64Test, WhatIsNoBase64IsNone) {
  for (const char* text : {"M", "MzI", "MzIy\n", "Mz_y", "Zh==", "Zg=a", "===="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(JobCallTest, WhatRqRecordedIsRead) {
  const JobCall call = JobCall::from_json(unpack(kRecorded));
  EXPECT_EQ(call.function, "mymodule.count_words_at_url");
  ASSERT_EQ(call.args.size(), 1u);
  EXPECT_EQ(call.args[0].as_string(), "http://nvie.com");
  EXPECT_TRUE(call.kwargs.empty());
}

TEST(JobCallTest, WhatIsPackedComesBack) {
  std::string bytes;
  for (unsigned i = 0; i < 200'000; ++i) bytes += static_cast<char>(i * i);
  EXPECT_EQ(unpack(pack(bytes)), bytes);
  EXPECT_EQ(unpack("[plain]"), "[plain]");
}

TEST(JobCallTest, ItsTextIsThePythonOfIt) {
  JobCall call{"mymodule.f",
               {"http://nvie.com", 7, 2.0, true, nullptr, "it's", "a\n\"b\"'", json::Array{1, "x"},
                json::Object{{"k", 1}}},
               {{"z", 1}, {"a", "b"}}};
  EXPECT_EQ(call.text(),
            "mymodule.f('http://nvie.com', 7, 2.0, True, None, \"it's\", 'a\\n\"b\"\\'', "
            "[1, 'x'], {'k': 1}, a='b', z=1)");
  call = {"f", {std::string(100, 'x')}, {}};
  EXPECT_EQ(call.text(), "f('" + std::string(74, 'x') + "...)");
}

TEST(JobCallTest, AnUnreadableCallSaysWhy) {
  const auto why = [](std::string_view data) -> std::string {
    try {
      JobCall::from_json(data);
      return "read";
    } catch (const UnreadableJob& error) {
      return error.what();
    }
  };
  EXPECT_NE(why("\x80\x05\x95").find("pickled"), std::string::npos);
  EXPECT_NE(why("(Vmymodule.f\nN(t(dt.").find("pickled"), std::string::npos);
  EXPECT_NE(why("[1").find("line 1"), std::string::npos);
  EXPECT_NE(why("[\"f\", null, []]").find("array of four"), std::string::npos);
  EXPECT_NE(why("[\"f\", {}, [], {}]").find("methods"), std::string::npos);
  EXPECT_NE(why("[7, null, [], {}]").find("expected a string"), std::string::npos);
  EXPECT_NE(why(std::string(1000, '[')).find("100"), std::string::npos);
}

TEST(JobTest, ItsFieldsAreThoseOfRqInRqsOrder) {
  Job job;
  job.id = "one";
  job.origin = "default";
  job.description = "f()";
  job.data = kRecorded;
  job.status = JobStatus::queued;
  job.created_at = parse_wall_time("2026-11-21T12:10:58.366529Z");
  job.enqueued_at = parse_wall_time("2026-11-21T12:10:58.369557Z");
  const Fields expected{{"created_at", "2026-11-21T12:10:58.366529Z"},
                        {"data", kRecorded},
                        {"success_callback_name", ""},
                        {"failure_callback_name", ""},
                        {"started_at", ""},
                        {"ended_at", ""},
                        {"last_heartbeat", ""},
                        {"worker_name", ""},
                        {"origin", "default"},
                        {"description", "f()"},
                        {"enqueued_at", "2026-11-21T12:10:58.369557Z"},
                        {"timeout", "180"},
                        {"status", "queued"}};
  EXPECT_EQ(job.fields(), expected);
}

TEST(JobTest, EveryFieldComesBack) {
  Job job;
  job.id = "one";
  job.origin = "default";
  job.data = kRecorded;
  job.status = JobStatus::scheduled;
  job.worker_name = "w";
  job.timeout = -1;
  job.result_ttl = 0;
  job.failure_ttl = 7;
  job.ttl = 9;
  job.retries_left = 3;
  job.retry_intervals = {1, 60};
  job.dependency_ids = {"a", "b"};
  job.allow_dependency_failures = true;
  job.enqueue_at_front = false;
  job.meta = json::Object{{"k", json::Array{1, nullptr}}};
  for (auto* time :
       {&job.created_at, &job.enqueued_at, &job.started_at, &job.ended_at, &job.last_heartbeat}) {
    *time = wall_now();
  }
  const Job again = Job::from_fields("one", job.fields()).value();
  EXPECT_EQ(again.fields(), job.fields());
  EXPECT_EQ(again.retry_intervals, job.retry_intervals);
  EXPECT_EQ(field(job.fields(), "retry_intervals"), "[1,60]");
  EXPECT_EQ(field(job.fields(), "dependency_id"), "a");
}

TEST(JobTest, AHashWithoutDataIsNoJobAndOneWithNothingElseIs) {
  EXPECT_FALSE(Job::from_fields("x", {}));
  EXPECT_FALSE(Job::from_fields("x", {{"last_heartbeat", "2026-11-21T12:10:58.366529Z"}}));
  const Job job = Job::from_fields("x", {{"data", kRecorded}}).value();
  EXPECT_EQ(job.time_limit(), std::chrono::seconds(180));
  EXPECT_EQ(job.function_name(), "mymodule.count_words_at_url");
}

TEST(JobTest, FieldsThatAreNonsenseCountAsAbsent) {
  const Job job = Job::from_fields("x", {{"data", "?"},
                                         {"status", "sleeping"},
                                         {"timeout", "1h"},
                                         {"result_ttl", "soon"},
                                         {"retry_intervals", "[1, \"x\"]"},
                                         {"dependency_ids", "{"},
                                         {"meta", "\x80\x05}\x94."},
                                         {"created_at", "yesterday"}})
                      .value();
  EXPECT_FALSE(job.status);
  EXPECT_EQ(job.timeout, 3600);
  EXPECT_FALSE(job.result_ttl);
  EXPECT_TRUE(job.retry_intervals.empty());
  EXPECT_TRUE(job.meta.is_null());
  EXPECT_FALSE(job.created_at);
  EXPECT_EQ(job.function_name(), "?");
}

// rq.job.Job.get_retry_interval, with its values.
TEST(JobTest, RetriesWaitForTheirIntervalsAndThenForTheFirst) {
  Job job;
  job.retry_intervals = {10, 20, 30};
  std::vector<std::int64_t> waited;
  for (const int left : {3, 2, 1}) {
    job.retries_left = left;
    waited.push_back(job.retry_interval());
  }
  EXPECT_EQ(waited, (std::vector<std::int64_t>{10, 20, 30}));
  job.retries_left = 5;
  EXPECT_EQ(job.retry_interval(), 10);
  job.retry_intervals = {};
  EXPECT_EQ(job.retry_interval(), 0);
}

TEST(JobTest, IdsAreUuidsOfVersionFour) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = new_job_id();
    ASSERT_EQ(id.size(), 36u);
    EXPECT_EQ(id[8], '-');
    EXPECT_EQ(id[13], '-');
    EXPECT_EQ(id[14], '4');
    EXPECT_EQ(id[18], '-');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
    EXPECT_EQ(id[23], '-');
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(KeysTest, TheListOfTakenJobsNamesItsWorkerAndItsQueue) {
  const std::string key = keys::taken("w1", "a:b");
  const auto parsed = keys::TakenKey::parse(key);
  EXPECT_EQ(parsed.worker, "w1");
  EXPECT_EQ(parsed.queue, "a:b");
  EXPECT_EQ(keys::TakenKey::parse("rq:queue:a").queue, "");
  EXPECT_EQ(keys::dependencies("x"), "rq:job::x:dependencies");
}

}  // namespace
}  // namespace simul::redis
