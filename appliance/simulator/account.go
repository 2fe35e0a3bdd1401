package simulator

import "slices"

func loginInfo(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		return new(object).add("user_id", s.SelfID).add("nickname", s.Nickname), nil
	})
}

func status(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		return new(object).add("online", s.online).add("good", true).add("stat", new(object)), nil
	})
}

func versionInfo(*Call) (any, error) {
	return new(object).add("app_name", "NapCat.Onebot").add("protocol_version", "v11").add("app_version", Version), nil
}

func setProfile(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		s.Nickname = c.Params.Text("nickname")
		return new(object).add("result", 0).add("errMsg", ""), nil
	})
}

// restart loses what NapCat holds in memory and cuts the links; a dialled one comes back. Its answer goes out on
// whatever connection is there by then, which usually is none.
func restart(c *Call) (any, error) {
	_, _ = c.world(func(s *state) (any, error) { s.forget(); return nil, nil })
	c.nap.Drop()
	return absent{}, nil
}

// exit ends the process at once, without an answer.
func exit(c *Call) (any, error) {
	_, _ = restart(c)
	return silent{}, nil
}

func person(p Person) *object {
	return new(object).add("birthday_year", 0).add("birthday_month", 0).add("birthday_day", 0).add("user_id", p.ID).
		add("age", 0).add("phone_num", "-").add("email", "").add("category_id", 0).add("nickname", p.Nickname).
		add("remark", p.Remark).add("sex", "unknown").add("level", 0)
}

func friendList(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		list := make([]*object, 0, len(s.Friends))
		for _, f := range s.Friends {
			list = append(list, person(f))
		}
		return raws(list), nil
	})
}

func strangerInfo(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		id := c.Params.ID("user_id")
		if id == 0 {
			return nil, broken("无法获取用户信息")
		}
		name, remark := s.nickname(id), ""
		if f := s.friend(id); f != nil {
			remark = f.Remark
		}
		return new(object).add("user_id", id).add("uid", userUID(id)).add("nickname", name).add("age", 0).add("qid", "").
			add("qqLevel", 16).add("sex", "unknown").add("long_nick", "").add("reg_time", 0).add("is_vip", false).
			add("is_years_vip", false).add("vip_level", 0).add("remark", remark).add("status", 10).add("login_days", 0), nil
	})
}

func deleteFriend(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		id := firstID(c.Params["friend_id"], c.Params["user_id"])
		if s.friend(id) == nil {
			return new(object).add("valid", false).add("message", "不是好友"), nil
		}
		s.Strangers = append(s.Strangers, Person{ID: id, Nickname: s.nickname(id)})
		s.Friends = slices.DeleteFunc(s.Friends, func(p Person) bool { return p.ID == id })
		return nil, nil
	})
}

func setFriendRemark(c *Call) (any, error) {
	return c.world(func(s *state) (any, error) {
		f := s.friend(c.Params.ID("user_id"))
		if f == nil {
			return nil, broken("备注设置失败,好友不存在")
		}
		f.Remark = c.Params.Text("remark")
		return nil, nil
	})
}
