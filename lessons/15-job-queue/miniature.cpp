// A job queue from nothing: a folder, and rename().
//
//     new/ --take--> taken/ --do--> done/          a job is a file, and is in one of these
//      ^               |
//      +-- its worker is dead: put it back
//
// Two properties of the file system carry everything. rename() is atomic: of two workers who rename
// the same file, one succeeds, and the other is told that there is no such file. And a lock
// (flock) is held by a process, and gone with it, however it ends: so whoever gets a worker's lock
// knows that the worker is dead. That is what a heartbeat in Redis is for, where the kernel of
// another machine cannot be asked.
//
// At least once: Ann dies after she has written down what she began and before she has a result. So
// her job is begun again by somebody else. The result is written to a file of another name, which
// is then renamed: whoever reads done/ never sees half of one, and to write it twice does no harm.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

std::string folder;  // of all that is below

std::vector<std::string> names_in(const std::string& where) {
  std::vector<std::string> names;
  DIR* dir = opendir((folder + where).c_str());
  while (const dirent* entry = dir != nullptr ? readdir(dir) : nullptr) {
    if (entry->d_name[0] != '.') names.push_back(entry->d_name);
  }
  if (dir != nullptr) closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_file(const std::string& name) {
  char text[256] = "";
  FILE* file = fopen((folder + name).c_str(), "r");
  if (file != nullptr && fgets(text, sizeof text, file) == nullptr) text[0] = 0;
  if (file != nullptr) fclose(file);
  return text;
}

void write_file(const std::string& name, const std::string& text) {
  FILE* file = fopen((folder + name).c_str(), "a");
  if (file == nullptr) return perror(name.c_str()), exit(1);
  fputs(text.c_str(), file);
  fclose(file);
}

// True if we, and nobody else, have moved it.
bool move(const std::string& from, const std::string& to) {
  return rename((folder + from).c_str(), (folder + to).c_str()) == 0;
}

// ---- The queue ----------------------------------------------------------------------------------

void enqueue(const std::string& id, const std::string& words) {
  write_file("tmp/" + id, words);
  move("tmp/" + id, "new/" + id);  // it is in the queue now, and it is whole
}

std::string take(const std::string& worker) {
  for (const std::string& id : names_in("new")) {
    if (move("new/" + id, "taken/" + id + "." + worker)) return id;
  }
  return "";  // nothing there, or others were quicker
}

void finish(const std::string& id, const std::string& worker, const std::string& result) {
  write_file("tmp/" + id + "." + worker, result);
  move("tmp/" + id + "." + worker, "done/" + id);
  unlink((folder + "taken/" + id + "." + worker).c_str());
}

// What dead workers have taken goes back. Their locks are free: so they are dead.
void recover() {
  for (const std::string& job : names_in("taken")) {
    const std::size_t dot = job.find('.');
    const std::string id = job.substr(0, dot), worker = job.substr(dot + 1);
    const int lock = open((folder + "alive/" + worker).c_str(), O_RDWR);
    if (lock != -1 && flock(lock, LOCK_EX | LOCK_NB) == 0) move("taken/" + job, "new/" + id);
    if (lock != -1) close(lock);
  }
}

// ---- Workers ------------------------------------------------------------------------------------

[[noreturn]] void work(const std::string& me, bool will_die) {
  const int lock = open((folder + "alive/" + me).c_str(), O_RDWR | O_CREAT, 0600);
  flock(lock, LOCK_EX);  // until we end
  while (!names_in("new").empty() || !names_in("taken").empty()) {
    recover();
    const std::string id = take(me);
    if (!id.empty()) {
      write_file("log", id + "\n");  // it begins
      std::string words = read_file("taken/" + id + "." + me);
      usleep(20'000);
      if (will_die) raise(SIGKILL);
      for (char& c : words) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      finish(id, me, words);
    } else {
      usleep(5'000);
    }
  }
  _exit(0);
}

pid_t start(const std::string& name, bool will_die = false) {
  const pid_t child = fork();
  if (child == 0) work(name, will_die);
  return child;
}

int main() {
  char made[] = "/tmp/queue.XXXXXX";
  if (mkdtemp(made) == nullptr) return perror(made), 1;
  folder = std::string(made) + "/";
  for (const char* part : {"tmp", "new", "taken", "done", "alive"})
    mkdir((folder + part).c_str(), 0700);
  const char* jobs[] = {"one", "two", "three", "four", "five", "six"};
  for (int i = 0; i < 6; ++i) enqueue(std::to_string(i + 1), jobs[i]);

  int status = 0;
  waitpid(start("Ann", true), &status, 0);
  printf("Ann was killed by signal %d; taken: %s\n", WTERMSIG(status),
         names_in("taken")[0].c_str());
  for (const char* name : {"Ben", "Cid"}) start(name);
  while (wait(nullptr) > 0) {
  }
  for (const std::string& id : names_in("done")) {
    printf("job %s: %s\n", id.c_str(), read_file("done/" + id).c_str());
  }
  int begun = 0;
  FILE* log = fopen((folder + "log").c_str(), "r");
  for (int c; (c = log != nullptr ? fgetc(log) : EOF) != EOF;) begun += c == '\n';
  if (log != nullptr) fclose(log);
  printf("begun: %d; done: %zu\n", begun, names_in("done").size());
  if (system(("rm -r " + folder).c_str()) != 0) return 1;
}
