// JSON: everything of this folder at once, for programs that read and write it.
//
//     const json::Value page = json::parse(text);
//     for (const json::Value& child : page["data"]["children"].as_array())
//       say(child["data"]["title"].as_string());
//     text = json::write(json::Object{{"id", 7}, {"tags", json::Array{"a", "b"}}});
//
// To read it: value and object, what a document says; scalars, number and string, how the smallest
// parts are spelled; parser and writer, the whole.
#pragma once

#include "runtime/json/object.hpp"
#include "runtime/json/parser.hpp"
#include "runtime/json/value.hpp"
#include "runtime/json/writer.hpp"
