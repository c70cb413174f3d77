/* sanitized.h - SANITIZED is true where memory or threads are watched: that is slow, and memory has shadows
 * that nobody counts. */
#ifndef OZ_TESTS_SUPPORT_SANITIZED_H
#define OZ_TESTS_SUPPORT_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
